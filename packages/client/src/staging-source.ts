// Content as it is read for staging: failures of the source told as such, and sizes that cannot be refused.

import { createHash } from 'node:crypto';
import { limits } from '@filefleet/protocol';
import { ClientError } from './errors.ts';
import type { Source } from './source.ts';

/** Hashing lets others go on after this many chunks: content in memory comes without any waiting. */
const chunksPerTurn = 8;

/** Reads the source from its beginning. @throws ClientError SOURCE_FAILED, or the signal's reason. */
export async function* readSource(
  source: Source,
  operationId: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  try {
    yield* source.chunks(signal);
  } catch (cause) {
    if (signal.aborted || cause instanceof ClientError) throw cause;
    throw new ClientError(
      'SOURCE_FAILED',
      `expected the content to be readable to its end, got ${describe(cause)}; nothing was stored, check the source and call again`,
      { operationId },
      { cause },
    );
  }
}

/** Digest and size of what the source gives. @throws as `readSource` does, and INVALID (too large). */
export async function hashSource(
  source: Source,
  operationId: string,
  signal: AbortSignal,
): Promise<{ digest: string; size: number }> {
  if (source.digest !== undefined && source.size !== undefined) {
    return { digest: source.digest, size: source.size };
  }
  const hash = createHash('sha256');
  let size = 0;
  let chunks = 0;
  for await (const chunk of readSource(source, operationId, signal)) {
    size += chunk.byteLength;
    if (size > limits.stagedFileBytes) throw tooLarge(operationId);
    hash.update(chunk);
    if (++chunks % chunksPerTurn === 0) await new Promise(setImmediate);
  }
  return { digest: hash.digest('hex'), size };
}

/** How many bytes the source says it has, if it does. @throws ClientError INVALID (too large) */
export async function measured(source: Source, operationId: string): Promise<number | undefined> {
  const size = source.measure ? await source.measure() : source.size;
  if (size !== undefined && size > limits.stagedFileBytes) throw tooLarge(operationId);
  return size;
}

function describe(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

export function tooLarge(operationId: string): ClientError {
  return new ClientError(
    'INVALID',
    `expected content to be at most ${limits.stagedFileBytes} bytes, got more; split it into several files`,
    { operationId, field: 'content' },
  );
}

export function grown(operationId: string): ClientError {
  return new ClientError(
    'SOURCE_FAILED',
    'expected the content to have the size that it said, got more bytes; nothing was stored, do not change it while it is read',
    { operationId },
  );
}

export function lost(operationId: string): ClientError {
  return new ClientError(
    'GIVEN_UP',
    'expected Redis to keep the staged bytes, got a Redis that lost them, and the stream cannot be read twice; store it again',
    { operationId },
  );
}
