// Where content comes from: memory, a file, or a stream. All give chunks of exactly the protocol's size.

import { type FileHandle, open, stat } from 'node:fs/promises';
import { limits } from '@filefleet/protocol';
import { ClientError } from './errors.ts';
import type { Gate } from './gate.ts';

/** What `store` takes as content. A string is text and stored as UTF-8; `{ path }` is a file. */
export type Content =
  | Uint8Array
  | string
  | { readonly path: string }
  | NodeJS.ReadableStream
  | AsyncIterable<Uint8Array | string>;

/** So many chunks of one reading are good at the same time. Fresh ones for each would be garbage by the megabyte. */
export const chunksKept = 6;

export interface Source {
  /** Whether the same bytes can be read a second time. */
  readonly rereadable: boolean;
  /** Bytes in all, where that is known beforehand. */
  readonly size: number | undefined;
  /** All of it, where it is in memory. */
  readonly bytes?: Uint8Array;
  /** Digest of all, where that is known beforehand. */
  readonly digest?: string | undefined;
  /** Finds out how many bytes there are, where that takes a look; what grows afterwards is read up to there. */
  measure?(): Promise<number | undefined>;
  /**
   * Reads from the beginning: chunks of `limits.chunkBytes`, the last one shorter. A chunk may be overwritten once
   * `chunksKept` later ones were read.
   */
  chunks(signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/**
 * @param openFiles how many files may be open at once.
 * @returns undefined when `content` is nothing that can be stored.
 */
export function sourceOf(content: unknown, openFiles: Gate): Source | undefined {
  if (typeof content === 'string') return memorySource(Buffer.from(content));
  if (content instanceof Uint8Array) return memorySource(content);
  if (typeof content !== 'object' || content === null) return undefined;
  if (Symbol.asyncIterator in content) return streamSource(content as AsyncIterable<unknown>);
  if ('path' in content && typeof content.path === 'string') return fileSource(content.path, openFiles);
  return undefined;
}

function memorySource(bytes: Uint8Array): Source {
  return {
    rereadable: true,
    size: bytes.byteLength,
    bytes,
    async *chunks() {
      for (let at = 0; at < bytes.byteLength; at += limits.chunkBytes) {
        yield bytes.subarray(at, at + limits.chunkBytes);
      }
    },
  };
}

function fileSource(path: string, openFiles: Gate): Source {
  let size: number | undefined;
  return {
    rereadable: true,
    get size() {
      return size;
    },
    async measure() {
      // Files of the kernel say 0 and have content all the same; what cannot be looked at fails when it is read.
      const facts = await stat(path).catch(() => undefined);
      size = facts?.isFile() && facts.size > 0 ? facts.size : undefined;
      return size;
    },
    async *chunks(signal) {
      await openFiles.enter(1, signal);
      try {
        const file = await open(path, 'r');
        try {
          if (!(await file.stat()).isFile()) throw new Error('not a regular file');
          const buffers: Buffer[] = [];
          for (let left = size ?? Number.POSITIVE_INFINITY, n = 0; left > 0; n++) {
            const bytes = Math.min(limits.chunkBytes, left);
            buffers[n % chunksKept] ??= Buffer.allocUnsafe(bytes);
            const chunk = await readChunk(file, (buffers[n % chunksKept] as Buffer).subarray(0, bytes));
            left -= chunk.byteLength;
            if (chunk.byteLength > 0) yield chunk;
            if (chunk.byteLength < limits.chunkBytes) return;
          }
        } finally {
          await file.close();
        }
      } finally {
        openFiles.leave(1);
      }
    },
  };
}

async function readChunk(file: FileHandle, chunk: Buffer): Promise<Uint8Array> {
  let filled = 0;
  while (filled < chunk.byteLength) {
    const { bytesRead } = await file.read(chunk, filled, chunk.byteLength - filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return chunk.subarray(0, filled);
}

function streamSource(stream: AsyncIterable<unknown>): Source {
  return {
    rereadable: false,
    size: undefined,
    async *chunks(signal) {
      let chunk = Buffer.allocUnsafe(limits.chunkBytes);
      let filled = 0;
      for await (const piece of abortable(stream, signal)) {
        const bytes = bytesOf(piece);
        for (let at = 0; at < bytes.byteLength; ) {
          const part = bytes.subarray(at, at + chunk.byteLength - filled);
          chunk.set(part, filled);
          filled += part.byteLength;
          at += part.byteLength;
          if (filled < chunk.byteLength) continue;
          yield chunk;
          chunk = Buffer.allocUnsafe(limits.chunkBytes);
          filled = 0;
        }
      }
      if (filled > 0) yield chunk.subarray(0, filled);
    },
  };
}

function bytesOf(piece: unknown): Uint8Array {
  if (typeof piece === 'string') return Buffer.from(piece);
  if (piece instanceof Uint8Array) return piece;
  throw new ClientError(
    'SOURCE_FAILED',
    `expected the stream to give bytes or text, got ${typeof piece}; do not use object mode`,
  );
}

/** Iterates until the signal is aborted, even when the next piece never comes; then lets go of the stream. */
async function* abortable(stream: AsyncIterable<unknown>, signal: AbortSignal): AsyncGenerator<unknown> {
  const iterator = stream[Symbol.asyncIterator]();
  const aborted = Promise.withResolvers<never>();
  aborted.promise.catch(() => {});
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  let ended = false;
  try {
    for (;;) {
      signal.throwIfAborted();
      const next = await Promise.race([iterator.next(), aborted.promise]);
      ended = next.done === true;
      if (ended) return;
      yield next.value;
    }
  } catch (error) {
    ended = !signal.aborted; // an iterator that threw has ended by itself
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
    if (!ended) letGo(stream, iterator);
  }
}

function letGo(stream: AsyncIterable<unknown>, iterator: AsyncIterator<unknown>): void {
  if ('destroy' in stream && typeof stream.destroy === 'function') stream.destroy();
  // Not awaited: behind a piece that never comes it would wait for ever.
  iterator.return?.()?.then(undefined, () => {});
}
