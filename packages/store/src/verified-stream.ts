// A blob file as a stream that hashes what it gives. It ends only when size and digest are right; the last bytes are
// held back until then, so that a reader that counts bytes cannot mistake damaged content for all of it.

import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { StoreError } from './errors.ts';

const chunkBytes = 256 * 1024;

/** What the bytes must be. */
export interface ExpectedContent {
  readonly fileId: string;
  readonly digest: string;
  readonly size: number;
}

/** Owns the handle and closes it, also when nobody reads to the end. Errors with CONTENT_DAMAGED. */
export class VerifiedStream extends Readable {
  readonly #handle: FileHandle;
  readonly #expected: ExpectedContent;
  readonly #hash = createHash('sha256');
  #bytesRead = 0;
  #heldBack: Uint8Array | undefined;

  constructor(handle: FileHandle, expected: ExpectedContent) {
    super({ highWaterMark: chunkBytes });
    this.#handle = handle;
    this.#expected = expected;
  }

  override _read(): void {
    this.#next().catch((error: unknown) => this.destroy(toError(error)));
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#handle.close().then(
      () => done(error),
      (closeError: unknown) => done(error ?? toError(closeError)),
    );
  }

  async #next(): Promise<void> {
    for (;;) {
      const { bytesRead, buffer } = await this.#handle.read(
        Buffer.allocUnsafe(chunkBytes),
        0,
        chunkBytes,
        null,
      );
      if (bytesRead === 0) return this.#finish();
      const chunk = buffer.subarray(0, bytesRead);
      this.#bytesRead += bytesRead;
      if (this.#bytesRead > this.#expected.size)
        throw damaged(this.#expected, `more than ${this.#expected.size} bytes`);
      this.#hash.update(chunk);
      const ready = this.#heldBack;
      this.#heldBack = chunk;
      if (ready) {
        this.push(ready);
        return;
      }
    }
  }

  #finish(): void {
    if (this.#bytesRead !== this.#expected.size) throw damaged(this.#expected, `${this.#bytesRead} bytes`);
    const digest = this.#hash.digest('hex');
    if (digest !== this.#expected.digest) throw damaged(this.#expected, `digest ${digest}`);
    if (this.#heldBack) this.push(this.#heldBack);
    this.push(null);
  }
}

/**
 * Bytes that are all there already, verified before the first is given.
 * @param part of them only, both ends included.
 * @throws StoreError CONTENT_DAMAGED
 */
export function verifiedBytes(
  bytes: Uint8Array,
  expected: ExpectedContent,
  part: { readonly start: number; readonly end: number } = { start: 0, end: bytes.length },
): Readable {
  if (bytes.length !== expected.size) throw damaged(expected, `${bytes.length} bytes`);
  const digest = createHash('sha256').update(bytes).digest('hex');
  if (digest !== expected.digest) throw damaged(expected, `digest ${digest}`);
  const given = bytes.subarray(part.start, part.end + 1);
  return Readable.from(given.length === 0 ? [] : [given], { objectMode: false });
}

export function damaged({ fileId, digest, size }: ExpectedContent, got: string): StoreError {
  return new StoreError(
    'CONTENT_DAMAGED',
    `expected the content of file ${fileId} to be ${size} bytes with digest ${digest}, got ${got}; restore it from a backup`,
    { facts: { fileId, digest, size, got } },
  );
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
