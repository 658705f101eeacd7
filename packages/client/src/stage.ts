// The bytes of one operation on their way: hashed, cut into chunks and put into Redis with a TTL.
// Keys are numbered, so a second attempt overwrites the first; what it does not overwrite it removes.

import { createHash } from 'node:crypto';
import { limits, type RedisKeys, stagedTtlMs } from '@filefleet/protocol';
import type { Clock } from './clock.ts';
import { ClientError } from './errors.ts';
import type { Gate } from './gate.ts';
import type { RedisLink } from './redis-link.ts';
import type { Source } from './source.ts';

/** Chunks of one operation that are under way to Redis at once. */
const window = 4;

/** What all stages of a client share. */
export interface StagingPlace {
  readonly link: RedisLink;
  readonly keys: RedisKeys;
  readonly vm: string;
  readonly clock: Clock;
  /** Bytes under way to Redis, of all operations together. */
  readonly bytesUnderWay: Gate;
}

export interface Progress {
  /** Bytes that Redis has taken so far. */
  readonly stagedBytes: number;
  /** Bytes in all, where known beforehand: not for streams and files. */
  readonly totalBytes: number | undefined;
}

export interface Staged {
  readonly digest: string;
  readonly size: number;
  readonly chunks: number;
}

export class Stage {
  readonly #place: StagingPlace;
  readonly #operationId: string;
  readonly #source: Source;
  readonly #onProgress: ((progress: Progress) => void) | undefined;
  #staged: Staged | undefined;
  #attempts = 0;
  /** Chunk keys that any attempt may have written. */
  #keysUsed = 0;
  #expiresAtMs = 0;

  constructor(
    place: StagingPlace,
    operationId: string,
    source: Source,
    onProgress: ((progress: Progress) => void) | undefined,
  ) {
    this.#place = place;
    this.#operationId = operationId;
    this.#source = source;
    this.#onProgress = onProgress;
  }

  get staged(): Staged | undefined {
    return this.#staged;
  }

  get rereadable(): boolean {
    return this.#source.rereadable;
  }

  /** True when more than one attempt put bytes into Redis: the writer may not see them all. */
  get wasRepeated(): boolean {
    return this.#attempts > 1;
  }

  /** When the chunks expire, in milliseconds since 1970. */
  get expiresAtMs(): number {
    return this.#expiresAtMs;
  }

  /** Whether the chunks still have at least half of the time that a queued job's chunks get. */
  get isFresh(): boolean {
    if (this.#staged?.chunks === 0) return true;
    return this.#expiresAtMs - this.#place.clock.nowMs() >= stagedTtlMs.queued / 2;
  }

  /**
   * Reads the source and puts all of it into Redis, with the TTL of a queued job at the end.
   * @throws ClientError SOURCE_FAILED or INVALID (too large), or the signal's reason when it is aborted.
   */
  async upload(signal: AbortSignal): Promise<void> {
    this.#attempts++;
    for (;;) {
      const staged = await this.#uploadOnce(signal);
      await this.#removeFrom(staged.chunks);
      this.#staged = staged;
      // A single chunk had the long TTL from the start: there is nothing left to raise.
      if (this.isFresh || (await this.keep(signal))) return;
      if (!this.rereadable) throw lost(this.#operationId);
    }
  }

  /**
   * Gives every chunk the TTL of a queued job.
   * @returns false when a chunk is missing: upload again.
   */
  async keep(signal: AbortSignal): Promise<boolean> {
    const expiresAtMs = this.#place.clock.nowMs() + stagedTtlMs.queued;
    const found = await this.#expire(this.#staged?.chunks ?? 0, stagedTtlMs.queued, signal);
    if (found.includes(0)) return false;
    this.#expiresAtMs = expiresAtMs;
    return true;
  }

  /** Takes all chunks out of Redis, if it can be reached; else their TTL does. */
  async remove(): Promise<void> {
    await this.#removeFrom(0);
  }

  async #uploadOnce(signal: AbortSignal): Promise<Staged> {
    const { bytesUnderWay, clock } = this.#place;
    const hash = createHash('sha256');
    const underWay: Promise<void>[] = [];
    let size = 0;
    let stagedBytes = 0;
    let chunks = 0;
    let renewedAtMs = clock.nowMs();
    this.#expiresAtMs = 0;
    for await (const chunk of this.#read(signal)) {
      size += chunk.byteLength;
      if (size > limits.stagedFileBytes) throw tooLarge(this.#operationId);
      hash.update(chunk);
      await bytesUnderWay.enter(chunk.byteLength, signal);
      const sent = this.#put(chunks++, chunk, signal)
        .finally(() => bytesUnderWay.leave(chunk.byteLength))
        .then(() => {
          stagedBytes += chunk.byteLength;
          this.#onProgress?.({ stagedBytes, totalBytes: this.#source.size });
        });
      sent.catch(() => {}); // whoever awaits it below sees the failure
      underWay.push(sent);
      if (underWay.length >= window) await underWay.shift();
      if (clock.nowMs() - renewedAtMs > stagedTtlMs.uploading / 4) {
        renewedAtMs = clock.nowMs();
        await this.#expire(chunks, stagedTtlMs.uploading, signal); // a slow source must not outlive its chunks
      }
    }
    await Promise.all(underWay);
    return { digest: hash.digest('hex'), size, chunks };
  }

  async *#read(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#source.chunks(signal);
    } catch (cause) {
      if (signal.aborted || cause instanceof ClientError) throw cause;
      throw new ClientError(
        'SOURCE_FAILED',
        `expected the content to be readable to its end, got ${describe(cause)}; nothing was stored, check the source and call again`,
        { operationId: this.#operationId },
        { cause },
      );
    }
  }

  async #put(index: number, chunk: Uint8Array, signal: AbortSignal): Promise<void> {
    const { link, clock, keys, vm } = this.#place;
    this.#keysUsed = Math.max(this.#keysUsed, index + 1);
    const isWhole = index === 0 && this.#isLast(chunk);
    const ttlMs = isWhole ? stagedTtlMs.queued : stagedTtlMs.uploading;
    const expiresAtMs = clock.nowMs() + ttlMs;
    const value = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    await link.persist(signal, (redis) =>
      redis.set(keys.staged(vm, this.#operationId, index), value, 'PX', ttlMs),
    );
    if (isWhole) this.#expiresAtMs = expiresAtMs;
  }

  /** @returns 1 for every chunk that is there, 0 for every one that is not. */
  #expire(chunks: number, ttlMs: number, signal: AbortSignal): Promise<number[]> {
    const keys = this.#keyRange(0, chunks);
    return this.#place.link.persist(signal, (redis) =>
      Promise.all(keys.map((key) => redis.pexpire(key, ttlMs))),
    );
  }

  /** A chunk shorter than the full size is the last one. */
  #isLast(chunk: Uint8Array): boolean {
    return chunk.byteLength < limits.chunkBytes || this.#source.size === chunk.byteLength;
  }

  async #removeFrom(first: number): Promise<void> {
    const surplus = this.#keyRange(first, this.#keysUsed);
    if (surplus.length > 0) await this.#place.link.attempt((redis) => redis.unlink(surplus));
  }

  #keyRange(from: number, to: number): string[] {
    const { keys, vm } = this.#place;
    return Array.from({ length: Math.max(0, to - from) }, (_, index) =>
      keys.staged(vm, this.#operationId, from + index),
    );
  }
}

function describe(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function tooLarge(operationId: string): ClientError {
  return new ClientError(
    'INVALID',
    `expected content to be at most ${limits.stagedFileBytes} bytes, got more; split it into several files`,
    { operationId, field: 'content' },
  );
}

function lost(operationId: string): ClientError {
  return new ClientError(
    'GIVEN_UP',
    'expected Redis to keep the staged bytes, got a Redis that lost them, and the stream cannot be read twice; store it again',
    { operationId },
  );
}
