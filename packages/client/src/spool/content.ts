// Content on its way into a spool and out of it again: hashed as it is written, and readable as often as need be.

import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { limits } from '@filefleet/protocol';
import { ClientError } from '../errors.ts';
import type { Gate } from '../gate.ts';
import type { Source } from '../source.ts';
import { diskFailure } from './failures.ts';
import { withFile, writeAll } from './folder.ts';
import type { SpoolProbe } from './settings.ts';

/** Content of at most one chunk lies in the batch itself: one file to sync instead of two. */
const batchContentBytes = limits.chunkBytes;

export interface SpooledContent {
  readonly digest: string;
  readonly size: number;
  /** Undefined when they were written into the file. */
  readonly bytes: Uint8Array | undefined;
}

export interface Destination {
  readonly operationId: string;
  /** The file for content that is too large for a batch. */
  readonly path: string;
  readonly signal: AbortSignal;
  readonly probe: SpoolProbe;
  /** Told of each chunk before it is kept. @throws ClientError SPOOL_FULL */
  readonly take: (bytes: number) => void;
  /** False in tests that must miss it. */
  readonly syncs: boolean;
}

/**
 * Reads the source once, to its end.
 * @throws ClientError SOURCE_FAILED, INVALID (too large), SPOOL_FULL, SPOOL_FAILED; or the signal's reason.
 */
export async function spoolContent(source: Source, destination: Destination): Promise<SpooledContent> {
  const chunks = readSource(source, destination);
  const first = await chunks.next();
  if (first.done === true) return inBatch(new Uint8Array());
  if (first.value.byteLength < batchContentBytes || source.size === first.value.byteLength) {
    return inBatch(first.value);
  }
  const second = await chunks.next();
  if (second.done === true) return inBatch(first.value);
  try {
    return await inFile(destination, chunks, [first.value, second.value]);
  } catch (error) {
    if (destination.signal.aborted) throw error;
    throw diskFailure(error, destination.operationId);
  }
}

function inBatch(bytes: Uint8Array): SpooledContent {
  return { digest: sha256(bytes), size: bytes.byteLength, bytes };
}

async function inFile(
  { path, probe, syncs }: Destination,
  chunks: AsyncGenerator<Uint8Array>,
  read: readonly Uint8Array[],
): Promise<SpooledContent> {
  const hash = createHash('sha256');
  let size = 0;
  await withFile(path, async (file) => {
    const write = async (chunk: Uint8Array) => {
      hash.update(chunk);
      size += chunk.byteLength;
      await writeAll(file, [chunk]);
      probe('spool.content-begun');
    };
    for (const chunk of read) await write(chunk);
    for await (const chunk of chunks) await write(chunk);
    if (syncs) await file.sync();
    probe('spool.content-synced');
  });
  return { digest: hash.digest('hex'), size, bytes: undefined };
}

async function* readSource(
  source: Source,
  { operationId, signal, take }: Destination,
): AsyncGenerator<Uint8Array, undefined> {
  let size = 0;
  try {
    for await (const chunk of source.chunks(signal)) {
      size += chunk.byteLength;
      if (size > limits.stagedFileBytes) throw tooLarge(operationId);
      take(chunk.byteLength);
      yield chunk;
    }
  } catch (cause) {
    if (signal.aborted || cause instanceof ClientError) throw cause;
    throw new ClientError(
      'SOURCE_FAILED',
      `expected the content to be readable to its end, got ${cause instanceof Error ? cause.message : String(cause)}; nothing was accepted, check the source and call again`,
      { operationId },
      { cause },
    );
  }
}

/** Where the bytes of an accepted operation lie. */
export interface ContentPlace {
  readonly operationId: string;
  readonly path: string;
  readonly offset: number;
  readonly size: number;
  readonly digest: string;
}

/**
 * The accepted bytes as a source.
 * @param place undefined until they are on the disk; nobody reads before that.
 */
export function spooledSource(place: () => ContentPlace | undefined, openFiles: Gate): Source {
  return {
    rereadable: true,
    get size() {
      return place()?.size;
    },
    get digest() {
      return place()?.digest;
    },
    async *chunks(signal) {
      const known = place();
      if (known === undefined) throw new Error('expected the content to be in the spool, got it read before');
      await openFiles.enter(1, signal);
      try {
        yield* readPlace(known);
      } finally {
        openFiles.leave(1);
      }
    },
  };
}

/** @throws ClientError SOURCE_FAILED when the disk gives other bytes than it was given. */
async function* readPlace({
  operationId,
  path,
  offset,
  size,
  digest,
}: ContentPlace): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  const file = await openPatiently(path);
  try {
    for (let at = 0; at < size; ) {
      const chunk = Buffer.allocUnsafe(Math.min(limits.chunkBytes, size - at));
      const { bytesRead } = await file.read(chunk, 0, chunk.byteLength, offset + at);
      if (bytesRead !== chunk.byteLength) throw damaged(operationId, `${at + bytesRead} of ${size} bytes`);
      hash.update(chunk);
      at += bytesRead;
      // Checked before the last chunk is given away: whoever has read all has read the accepted bytes.
      if (at === size && hash.digest('hex') !== digest) throw damaged(operationId, 'other bytes');
      yield chunk;
    }
  } finally {
    await file.close();
  }
}

/** What was accepted is not given up because this process has too many files open just now. */
async function openPatiently(path: string): Promise<FileHandle> {
  for (;;) {
    try {
      return await open(path, 'r');
    } catch (error) {
      if (!passingCodes.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
      await pause(passingMs);
    }
  }
}

const passingCodes = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);
const passingMs = 100;

/** Whether the content file of a record is there, as long as the record says. */
export async function hasSize(path: string, size: number): Promise<boolean> {
  const facts = await stat(path).catch(() => undefined);
  return facts?.isFile() === true && facts.size === size;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function tooLarge(operationId: string): ClientError {
  return new ClientError(
    'INVALID',
    `expected content to be at most ${limits.stagedFileBytes} bytes, got more; split it into several files`,
    { operationId, field: 'content' },
  );
}

function damaged(operationId: string, got: string): ClientError {
  return new ClientError(
    'SOURCE_FAILED',
    `expected the spool to give back the bytes that it accepted, got ${got}; what is left of them is in the folder refused/, check the disk`,
    { operationId },
  );
}

/** Bytes of the content, where they are known before it is read. */
export function knownSize(content: unknown, source: Source | undefined): number {
  if (source?.size !== undefined) return source.size;
  if (typeof content !== 'object' || content === null || !('path' in content)) return 0;
  try {
    return statSync(String(content.path)).size;
  } catch {
    return 0; // reading it will tell what is wrong
  }
}
