// The content stage: staged chunks become bytes that the commit can name. Small ones stay in memory and go into the
// database; large ones go through a temp file, hashed on the way, in bounded memory.
//
// Whether missing bytes matter the transaction decides: it knows whether the operation was settled before.

import { createHash, hash } from 'node:crypto';
import type { Limits, Operation, Payload, Receipt, RedisKeys, ResendCode } from '@filefleet/protocol';
import {
  type BlobDraft,
  type Clock,
  type Content,
  type ContentDesk,
  isPassing,
  machineFault,
  StoreError,
} from '@filefleet/store';
import pLimit from 'p-limit';
import type { PourChunks } from './chunk-lines.ts';
import { Damage } from './damage.ts';
import type { Emit } from './events.ts';
import { inPlace } from './in-place.ts';
import type { IncomingFiles, Taken } from './incoming.ts';
import { retriedContent } from './retried-content.ts';
import { FileSink, MemorySink, type Sink } from './sinks.ts';
import { sniff } from './sniff.ts';
import type { ReadChunk } from './staged-chunks.ts';

/** Large files under way at once: each has a connection and a page of memory of its own. */
export const largeAtOnce = 4;

export interface ContentOptions {
  readonly desk: Pick<
    ContentDesk,
    | 'findBlob'
    | 'isSettled'
    | 'beginBlob'
    | 'discardUnnamed'
    | 'keepQuarantined'
    | 'assertEpoch'
    | 'retriedStore'
    | 'refused'
  >;
  /** For content that is small, and for what goes into quarantine. */
  readonly readChunk: ReadChunk;
  /** For large content. */
  readonly pourChunks: PourChunks;
  /** For content that lies on this disk. */
  readonly incoming: Pick<IncomingFiles, 'pour' | 'remove'>;
  readonly keys: RedisKeys;
  readonly limits: Pick<Limits, 'inlineBlobBytes' | 'chunkBytes'>;
  /** Stores wait here while the disk is tight. */
  readonly disk: {
    readonly pressure: 'none' | 'disk';
    whenRoom(): Promise<void>;
    noteFull(forCommit: boolean): Promise<void>;
  };
  /** Whether staged bytes are counted; asked only when the budget is used up. */
  readonly staging?: { isPastBudget(vm: string, operationId: string): Promise<boolean> };
  readonly emit: Emit;
  readonly clock: Clock;
}

type Settled = { readonly outcome: Receipt['outcome']; readonly code?: string };

type Fetched =
  | { readonly kind: 'missing' }
  | {
      readonly kind: 'fetched';
      readonly size: number;
      readonly digest: string;
      readonly mimeType: string | null;
    };

export class ContentStage {
  readonly #options: ContentOptions;
  readonly #large = pLimit(largeAtOnce);
  readonly #damage = new Damage();

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
    const small = payload.content.from !== 'known' && payload.size <= limits.inlineBlobBytes;
    if (small) return this.#inPlace(payload, () => this.#fetch(payload));
    if (desk.isSettled(payload.operationId)) return undefined;
    if (!fresh && desk.findBlob(payload.digest)) return { kind: 'held' };
    if (payload.content.from === 'known') return { kind: 'unavailable', code: 'CONTENT_MISSING' };
    return this.#large(() => this.#inPlace(payload, () => this.#fetch(payload)));
  }

  /** Removes what was written for an entry that did not use it. */
  async discard(content: Content | undefined): Promise<void> {
    if (content?.kind === 'file') await this.#options.desk.discardUnnamed(content.name);
  }

  /** The operation is settled: a file that was brought for it goes. A kill before this leaves it for its hour. */
  async release(payload: Payload<'file-store'>, { outcome, code }: Settled): Promise<void> {
    // What could not be staged whole three times will not be whole in a fourth one.
    if (outcome === 'refused' && code !== 'STAGE_DAMAGED') await this.#keepRefused(payload);
    if (payload.content.from === 'incoming') await this.#options.incoming.remove(payload.content.name);
  }

  /** For a retry of a refused or unreadable operation. */
  async prepareRetry(operation: Operation, fresh = false): Promise<Content | undefined> {
    return this.#large(() => retriedContent(this.#options, operation, fresh));
  }

  /** The bytes of a refused store, for an operator's retry. They are worth no waiting: what is in the way leaves them behind. */
  async #keepRefused(payload: Payload<'file-store'>): Promise<void> {
    const { desk, disk, emit } = this.#options;
    const { operationId } = payload;
    if (disk.pressure !== 'none' || (await desk.refused.has(operationId))) return;
    try {
      await this.#keepUnseen(payload, (draft, bytes) => desk.refused.keep(draft, operationId, bytes));
    } catch (error) {
      const fault = machineFault(error) ?? error;
      if (fault instanceof StoreError && !isPassing(fault)) throw fault;
      emit('refused.unkept', { operationId, reason: String(error) });
    }
  }

  /** Keeps the bytes of a condemned operation as they are. @returns the file's name; undefined when none are left. */
  keepInQuarantine(payload: Payload<'file-store'>): Promise<string | undefined> {
    const { desk } = this.#options;
    return this.#inPlace(payload, () =>
      this.#keepUnseen(payload, (draft) => desk.keepQuarantined(draft, payload.operationId)),
    );
  }

  /** @returns what `keep` does; undefined when no bytes are left. */
  async #keepUnseen<T>(
    payload: Payload<'file-store'>,
    keep: (draft: BlobDraft, bytes: number) => Promise<T>,
  ): Promise<T | undefined> {
    const { desk, limits } = this.#options;
    const draft = await desk.beginBlob();
    try {
      let bytes = 0;
      await this.#take(payload, async (page) => {
        bytes += page.byteLength;
        await draft.write(page);
      });
      for (const key of this.#keysOf(payload)) {
        const chunk = await this.#options.readChunk(key, limits.chunkBytes);
        if (chunk === null) continue; // what is left is kept
        bytes += chunk.byteLength;
        await draft.write(chunk);
      }
      if (bytes > 0) return await keep(draft, bytes);
      await draft.discard();
      return undefined;
    } catch (error) {
      await leaveNothing(draft);
      throw error;
    }
  }

  /** A full disk is waited out, and a Redis that refuses; a broken disk is not. */
  async #inPlace<T>({ operationId }: Payload<'file-store'>, work: () => Promise<T>): Promise<T> {
    const { desk, disk, emit } = this.#options;
    try {
      return await inPlace(work, async (waiting) => {
        if (waiting.code === 'STORAGE_FULL') await disk.noteFull(false);
        emit('content.waiting', { operationId, ...waiting });
      });
    } catch (error) {
      if (error instanceof StoreError) desk.assertEpoch(); // a successor clears our temp files: then that is the reason
      throw error;
    }
  }

  async #fetch(payload: Payload<'file-store'>): Promise<Content> {
    const { desk, limits, emit, staging } = this.#options;
    const isStaged = payload.content.from === 'staged';
    if (isStaged && (await staging?.isPastBudget(payload.vm, payload.operationId)))
      return { kind: 'unavailable', code: 'STAGE_UNRESERVED' };
    const small = payload.size <= limits.inlineBlobBytes;
    if (small && isStaged) return this.#read(payload);
    const sink = small ? new MemorySink() : new FileSink(await desk.beginBlob());
    try {
      const fetched = await this.#pour(payload, sink);
      if (fetched.kind === 'missing') {
        await sink.discard();
        return this.#missing(payload);
      }
      if (fetched.size !== payload.size || fetched.digest !== payload.digest) {
        await sink.discard();
        return this.#damaged(payload);
      }
      this.#damage.forget(payload.operationId);
      const bytes = await sink.keep(payload.digest, fetched.mimeType);
      if (bytes.kind === 'file')
        emit('content.kept', { operationId: payload.operationId, bytes: payload.size });
      return bytes;
    } catch (error) {
      await leaveNothing(sink);
      throw error;
    }
  }

  /** Small content, chunk after chunk. Stops at one that is missing, and at more bytes than were promised, whatever follows. */
  async #read(payload: Payload<'file-store'>): Promise<Content> {
    const chunks: Buffer[] = [];
    let size = 0;
    const atMost = this.#atMost(payload);
    for (const key of this.#keysOf(payload)) {
      const chunk = await this.#options.readChunk(key, atMost);
      if (chunk === null) return this.#missing(payload);
      chunks.push(chunk);
      size += chunk.byteLength;
      if (size > payload.size) break;
    }
    const [only] = chunks;
    const bytes = only && chunks.length === 1 ? only : Buffer.concat(chunks);
    if (size !== payload.size || hash('sha256', bytes) !== payload.digest) return this.#damaged(payload);
    this.#damage.forget(payload.operationId);
    return { kind: 'inline', bytes, mimeType: await sniff(bytes) };
  }

  /** Large content and files, a page at a time. */
  async #pour(payload: Payload<'file-store'>, sink: Sink): Promise<Fetched> {
    const digest = createHash('sha256');
    let mimeType: string | null | undefined;
    const take = async (page: Buffer) => {
      digest.update(page);
      await sink.write(page);
      if (mimeType === undefined) mimeType = await sniff(page); // later the page is another one
    };
    const isStaged = payload.content.from === 'staged';
    const poured = await (isStaged ? this.#pourStaged(payload, take) : this.#take(payload, take));
    if (poured.kind === 'missing') return poured;
    return {
      kind: 'fetched',
      size: poured.size,
      digest: digest.digest('hex'),
      mimeType: mimeType ?? null,
    };
  }

  #pourStaged(payload: Payload<'file-store'>, take: (page: Buffer) => Promise<void>) {
    return this.#options.pourChunks({
      keys: this.#keysOf(payload),
      maxBytes: this.#atMost(payload),
      totalBytes: payload.size,
      pageBytes: this.#options.limits.chunkBytes,
      take,
    });
  }

  /** Copied, not renamed: its writer may have the file open still. */
  async #take(
    { content, size }: Payload<'file-store'>,
    take: (page: Buffer) => Promise<void>,
  ): Promise<Taken> {
    if (content.from !== 'incoming') return { kind: 'missing' };
    const { incoming, limits } = this.#options;
    const pageBytes = limits.chunkBytes;
    const reusesPages = size > limits.inlineBlobBytes;
    return await incoming.pour({ name: content.name, totalBytes: size, pageBytes, reusesPages, take });
  }

  /** One byte more than may come tells what is too long from what fits. */
  #atMost({ size }: Payload<'file-store'>): number {
    return Math.min(this.#options.limits.chunkBytes, size) + 1;
  }

  #keysOf({ vm, operationId, content }: Payload<'file-store'>): readonly string[] {
    const count = content.from === 'staged' ? content.chunks : 0;
    return Array.from({ length: count }, (_, index) => this.#options.keys.staged(vm, operationId, index));
  }

  #missing(payload: Payload<'file-store'>): Content {
    if (payload.content.from === 'incoming') return { kind: 'unavailable', code: 'CONTENT_MISSING' };
    const expiresAtMs = payload.content.from === 'staged' ? payload.content.expiresAtMs : undefined;
    const expired = expiresAtMs !== undefined && this.#options.clock.nowMs() >= expiresAtMs;
    const code: ResendCode = expired ? 'STAGE_EXPIRED' : 'STAGE_MISSING';
    return { kind: 'unavailable', code };
  }

  #damaged(payload: Payload<'file-store'>): Content {
    if (this.#damage.isTooMuch(payload.operationId)) return { kind: 'damaged' };
    return { kind: 'unavailable', code: 'STAGE_DAMAGED' };
  }
}

/** After an error, which counts more than what comes of this: a temp file that stays is cleared by the next writer. */
async function leaveNothing(unfinished: { discard(): Promise<void> }): Promise<void> {
  await unfinished.discard().catch(() => undefined);
}
