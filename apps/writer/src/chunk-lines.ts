// Large content on its way from Redis: chunks in order, through lines of their own, a page at a time.

import type { Redis } from 'ioredis';
import { ChunkLine } from './chunk-line.ts';

/** Chunks of one file that are asked for at once: they hide the way to Redis. */
const aheadAtOnce = 4;

export interface Pouring {
  readonly keys: readonly string[];
  /** A chunk with this many bytes is too long; more of it is never read. */
  readonly maxBytes: number;
  /** Bytes of all chunks together at most. */
  readonly totalBytes: number;
  /** Bytes of a page: all that `take` gets have this size, but for the last. */
  readonly pageBytes: number;
  /** The page is used again when the promise resolves. */
  readonly take: (page: Buffer) => Promise<void>;
}

/** `missing`: a chunk is not there. `size`: bytes taken, more than promised as soon as there are more. */
export type Poured = { readonly kind: 'missing' } | { readonly kind: 'poured'; readonly size: number };
export type PourChunks = (pouring: Pouring) => Promise<Poured>;

interface Lines {
  readonly pour: PourChunks;
  close(): void;
}

/**
 * Lines to the Redis that `redis` is connected to, made as they are needed and kept.
 * @param atOnce how many are kept.
 */
export function chunkLines(redis: Redis, atOnce: number): Lines {
  const idle: { line: ChunkLine; page: Buffer }[] = [];
  let closed = false;
  return {
    async pour(pouring) {
      const kept = takeOpen(idle);
      const line = kept?.line ?? (await connect(redis));
      const page = kept?.page.byteLength === pouring.pageBytes ? kept.page : Buffer.alloc(pouring.pageBytes);
      let clean = false;
      try {
        const poured = await pourThrough(line, page, pouring);
        clean = poured.kind === 'poured' && poured.size <= pouring.totalBytes;
        return poured;
      } finally {
        // What was asked for and not read would be taken for the answers to the next file.
        if (clean && !closed && idle.length < atOnce) idle.push({ line, page });
        else line.close();
      }
    },
    close() {
      closed = true;
      for (const { line } of idle.splice(0)) line.close();
    },
  };
}

function takeOpen<T extends { line: ChunkLine }>(idle: T[]): T | undefined {
  for (let kept = idle.pop(); kept; kept = idle.pop()) if (kept.line.isOpen) return kept;
  return undefined;
}

/** Waits while Redis is away, as a command does: its errors meanwhile are no reason to give up. */
async function connect(redis: Redis): Promise<ChunkLine> {
  if (redis.status !== 'ready') await redis.ping();
  return ChunkLine.open(redis.options);
}

async function pourThrough(line: ChunkLine, page: Buffer, pouring: Pouring): Promise<Poured> {
  const { keys, maxBytes, totalBytes, take } = pouring;
  let asked = 0;
  let size = 0;
  let filled = 0;
  for (let n = 0; n < keys.length; n++) {
    for (; asked < keys.length && asked < n + aheadAtOnce; asked++) line.ask(keys[asked] as string, maxBytes);
    const length = await line.length();
    if (length === 0) return { kind: 'missing' };
    size += length;
    if (length >= maxBytes || size > totalBytes) return { kind: 'poured', size: totalBytes + 1 };
    for (let left = length; left > 0; ) {
      const bytes = await line.some(Math.min(left, page.byteLength - filled));
      bytes.copy(page, filled);
      filled += bytes.byteLength;
      left -= bytes.byteLength;
      if (filled < page.byteLength) continue;
      await take(page);
      filled = 0;
    }
    await line.end();
  }
  if (filled > 0) await take(page.subarray(0, filled));
  return { kind: 'poured', size };
}
