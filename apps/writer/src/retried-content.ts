// Content of a refused store that an operator has executed anew: the bytes that were kept beside its dead letter, read and
// hashed again. Nothing here decides: bytes that are gone or damaged become a fact that travels with the entry.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Limits, Operation } from '@filefleet/protocol';
import type { Content, ContentDesk, RetriedStore } from '@filefleet/store';
import { FileSink, MemorySink, type Sink } from './sinks.ts';
import { sniff } from './sniff.ts';

export interface RetriedContentParts {
  readonly desk: Pick<ContentDesk, 'isSettled' | 'retriedStore' | 'findBlob' | 'beginBlob'>;
  readonly limits: Pick<Limits, 'inlineBlobBytes' | 'chunkBytes'>;
}

const gone: Content = Object.freeze({ kind: 'unavailable', code: 'CONTENT_MISSING' });

/**
 * @param fresh true: read even if the store seems to hold the bytes (they were gone a moment ago).
 * @returns undefined when the operation needs no content.
 */
export async function retriedContent(
  parts: RetriedContentParts,
  operation: Operation,
  fresh: boolean,
): Promise<Content | undefined> {
  const { desk, limits } = parts;
  if (desk.isSettled(operation.payload.operationId)) return undefined;
  const store = desk.retriedStore(operation);
  if (!store) return undefined;
  if (!fresh && desk.findBlob(store.digest)) return { kind: 'held' };
  if (store.size === 0) return { kind: 'inline', bytes: Buffer.alloc(0), mimeType: null };
  if (store.path === undefined) return gone;
  const sink = store.size <= limits.inlineBlobBytes ? new MemorySink() : new FileSink(await desk.beginBlob());
  try {
    return (await readInto(sink, store.path, store, limits.chunkBytes)) ?? (await nothing(sink));
  } catch (error) {
    await sink.discard().catch(() => undefined); // the error counts more than what comes of this
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return gone;
    throw error;
  }
}

async function readInto(
  sink: Sink,
  path: string,
  { digest, size }: RetriedStore,
  pageBytes: number,
): Promise<Content | undefined> {
  const hash = createHash('sha256');
  let read = 0;
  let head: Buffer | undefined;
  for await (const page of createReadStream(path, { highWaterMark: pageBytes })) {
    read += page.byteLength;
    if (read > size) return undefined;
    head ??= page;
    hash.update(page);
    await sink.write(page);
  }
  if (read !== size || hash.digest('hex') !== digest) return undefined;
  return await sink.keep(digest, await sniff(head));
}

async function nothing(sink: Sink): Promise<Content> {
  await sink.discard();
  return gone;
}
