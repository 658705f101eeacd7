// The content stage: staged chunks become bytes that the commit can name. Small ones stay in memory and go into the
// database; large ones go through a temp file, hashed on the way, in bounded memory.
//
// Whether missing bytes matter is not decided here: the transaction knows whether the operation was settled before.

import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Limits, Payload, RedisKeys, ResendCode } from '@filefleet/protocol';
import {
  type BlobDraft,
  type Bytes,
  type Clock,
  type Content,
  type ContentDesk,
  isPassing,
  machineFault,
} from '@filefleet/store';
import { fileTypeFromBuffer } from 'file-type';
import pLimit from 'p-limit';
import { backoffMs } from './backoff.ts';
import type { Emit } from './events.ts';

/** Large files under way at once: each holds one chunk in memory. */
const largeAtOnce = 4;
/** The same operation staged damaged this often in a row is refused. */
const damagedTries = 3;
/** Operations whose damage is remembered. */
const rememberedDamage = 1_000;

/** Reads one chunk; null when it is not there. Waits while Redis is away. */
export type ReadChunk = (key: string) => Promise<Buffer | null>;

export interface ContentOptions {
  readonly desk: Pick<
    ContentDesk,
    'findBlob' | 'isSettled' | 'beginBlob' | 'discardUnnamed' | 'keepQuarantined' | 'assertEpoch'
  >;
  readonly readChunk: ReadChunk;
  readonly keys: RedisKeys;
  readonly limits: Pick<Limits, 'inlineBlobBytes' | 'chunkBytes'>;
  /** Stores wait here while the disk is tight. */
  readonly disk: {
    readonly pressure: 'none' | 'disk';
    whenRoom(): Promise<void>;
    noteFull(forCommit: boolean): Promise<void>;
  };
  readonly emit: Emit;
  readonly clock: Clock;
}

export class ContentStage {
  readonly #options: ContentOptions;
  readonly #large = pLimit(largeAtOnce);
  readonly #damage = new Map<string, number>();

  constructor(options: ContentOptions) {
    this.#options = options;
  }

  /**
   * @param fresh true: fetch even if the store seems to hold the bytes (they were gone a moment ago).
   * @returns undefined when the operation was settled before and needs no content.
   */
  async prepare(payload: Payload<'file-store'>, fresh = false): Promise<Content | undefined> {
    const { desk, disk, limits } = this.#options;
    if (disk.pressure !== 'none' && !desk.isSettled(payload.operationId)) await disk.whenRoom();
    // Fetching a little is cheaper than asking the database twice whether it is needed.
    const small = payload.content.from === 'staged' && payload.size <= limits.inlineBlobBytes;
    if (small) return this.#fetchInPlace(payload);
    if (desk.isSettled(payload.operationId)) return undefined;
    if (!fresh && desk.findBlob(payload.digest)) return { kind: 'held' };
    if (payload.content.from === 'known') return { kind: 'unavailable', code: 'CONTENT_MISSING' };
    return this.#large(() => this.#fetchInPlace(payload));
  }

  /** Removes what was written for an entry that did not use it. */
  async discard(content: Content | undefined): Promise<void> {
    if (content?.kind === 'file') await this.#options.desk.discardUnnamed(content.name);
  }

  /** Keeps the staged bytes of a condemned operation as they are. @returns the file's name; undefined when none are left. */
  async keepInQuarantine(payload: Payload<'file-store'>): Promise<string | undefined> {
    const draft = await this.#options.desk.beginBlob();
    let bytes = 0;
    for await (const chunk of this.#chunks(payload)) {
      if (chunk === null) continue; // what is left is kept
      bytes += chunk.byteLength;
      await draft.write(chunk);
    }
    if (bytes > 0) return this.#options.desk.keepQuarantined(draft, payload.operationId);
    await draft.discard();
    return undefined;
  }

  /** A full disk is waited out; a broken one is not. */
  async #fetchInPlace(payload: Payload<'file-store'>): Promise<Content> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#fetch(payload);
      } catch (error) {
        const fault = machineFault(error);
        if (!fault || !isPassing(fault)) {
          this.#options.desk.assertEpoch(); // a successor clears our temp files: then that is the reason
          throw fault ?? error;
        }
        if (fault.code === 'STORAGE_FULL') await this.#options.disk.noteFull(false);
        const retryInMs = backoffMs(attempt);
        const { code, message } = fault;
        this.#options.emit('content.waiting', {
          operationId: payload.operationId,
          code,
          message,
          attempt,
          retryInMs,
        });
        await wait(retryInMs, undefined, { ref: false });
      }
    }
  }

  async #fetch(payload: Payload<'file-store'>): Promise<Content> {
    const small = payload.size <= this.#options.limits.inlineBlobBytes;
    const sink = small ? new MemorySink() : new FileSink(await this.#options.desk.beginBlob());
    const hash = createHash('sha256');
    let size = 0;
    let head: Buffer | undefined;
    try {
      for await (const chunk of this.#chunks(payload)) {
        if (chunk === null) return await this.#missing(sink, payload);
        head ??= chunk;
        size += chunk.byteLength;
        if (size > payload.size) break; // more than was promised: damaged, whatever follows
        hash.update(chunk);
        await sink.write(chunk);
      }
      if (size !== payload.size || hash.digest('hex') !== payload.digest)
        return await this.#damaged(sink, payload);
      this.#damage.delete(payload.operationId);
      const bytes = await sink.keep(payload.digest, await sniff(head));
      if (bytes.kind === 'file')
        this.#options.emit('content.kept', { operationId: payload.operationId, bytes: size });
      return bytes;
    } catch (error) {
      await sink.discard();
      throw error;
    }
  }

  /** Chunks in order; null for one that is not there. Asks for all of a small file at once. */
  async *#chunks(payload: Payload<'file-store'>): AsyncGenerator<Buffer | null> {
    const count = payload.content.from === 'staged' ? payload.content.chunks : 0;
    for (let index = 0; index < count; index++) {
      yield await this.#options.readChunk(this.#options.keys.staged(payload.vm, payload.operationId, index));
    }
  }

  async #missing(sink: Sink, payload: Payload<'file-store'>): Promise<Content> {
    await sink.discard();
    const expiresAtMs = payload.content.from === 'staged' ? payload.content.expiresAtMs : undefined;
    const expired = expiresAtMs !== undefined && this.#options.clock.nowMs() >= expiresAtMs;
    const code: ResendCode = expired ? 'STAGE_EXPIRED' : 'STAGE_MISSING';
    return { kind: 'unavailable', code };
  }

  async #damaged(sink: Sink, payload: Payload<'file-store'>): Promise<Content> {
    await sink.discard();
    const tries = (this.#damage.get(payload.operationId) ?? 0) + 1;
    this.#damage.delete(payload.operationId);
    if (tries >= damagedTries) return { kind: 'damaged' };
    this.#damage.set(payload.operationId, tries);
    const oldest = this.#damage.keys().next().value;
    if (this.#damage.size > rememberedDamage && oldest !== undefined) this.#damage.delete(oldest);
    return { kind: 'unavailable', code: 'STAGE_DAMAGED' };
  }
}

/** D10: the type is what the bytes are; null when they do not tell (text, JSON, CSV). */
async function sniff(head: Buffer | undefined): Promise<string | null> {
  if (!head) return null;
  const type = await fileTypeFromBuffer(head).catch(() => undefined); // bytes that confuse the parser have no type
  return type?.mime ?? null;
}

interface Sink {
  write(chunk: Buffer): Promise<void>;
  keep(digest: string, mimeType: string | null): Promise<Bytes>;
  discard(): Promise<void>;
}

class MemorySink implements Sink {
  readonly #chunks: Buffer[] = [];

  async write(chunk: Buffer): Promise<void> {
    this.#chunks.push(chunk);
  }

  async keep(_digest: string, mimeType: string | null): Promise<Bytes> {
    const [only] = this.#chunks;
    const bytes = this.#chunks.length === 1 && only ? only : Buffer.concat(this.#chunks);
    return { kind: 'inline', bytes, mimeType };
  }

  async discard(): Promise<void> {
    this.#chunks.length = 0;
  }
}

class FileSink implements Sink {
  readonly #draft: BlobDraft;

  constructor(draft: BlobDraft) {
    this.#draft = draft;
  }

  write(chunk: Buffer): Promise<void> {
    return this.#draft.write(chunk);
  }

  async keep(digest: string, mimeType: string | null): Promise<Bytes> {
    return { kind: 'file', name: await this.#draft.keep(digest), mimeType };
  }

  discard(): Promise<void> {
    return this.#draft.discard();
  }
}
