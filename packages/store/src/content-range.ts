// Parts of a blob file. A digest vouches for the whole only, so the whole is checked once, and the hash of each of its
// pieces remembered for a while: what goes out later is held against those, piece by piece.

import { createHash, hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { damaged, type ExpectedContent } from './verified-stream.ts';

/** Bytes of one piece. */
const pieceBytes = 256 * 1024;
/** Pieces of all remembered contents: 32 bytes each, so 8 MiB for 64 GiB of contents. */
const rememberedPieces = 262_144;

/** First and last byte, both included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Contents that were found whole lately, bounded; those not asked for longest are forgotten first. */
export class CheckedContents {
  readonly #pieces = new Map<string, readonly Buffer[]>();
  readonly #underWay = new Map<string, Promise<readonly Buffer[]>>();
  readonly #maximum: number;
  #count = 0;

  /** @param maximum pieces to remember. */
  constructor(maximum = rememberedPieces) {
    this.#maximum = maximum;
  }

  /** How many whole contents were read and hashed. */
  checks = 0;

  /**
   * A stream of a part of the content. Owns the handle from now on.
   * @throws StoreError CONTENT_DAMAGED before the first byte; later, the stream errors with it.
   */
  async openPart(handle: FileHandle, expected: ExpectedContent, part: ByteRange): Promise<Readable> {
    try {
      const pieces = await this.#piecesOf(handle, expected);
      return new PartStream(handle, expected, pieces, part);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** The same bytes in another file are another incarnation, which nobody has read yet. */
  async #piecesOf(handle: FileHandle, expected: ExpectedContent): Promise<readonly Buffer[]> {
    const { dev, ino } = await handle.stat({ bigint: true });
    const key = `${expected.digest} ${dev}:${ino}`;
    const known = this.#pieces.get(key);
    if (known) {
      this.#pieces.delete(key);
      this.#pieces.set(key, known);
      return known;
    }
    // Those who wait for somebody else's check depend on that one's handle: if it fails, they look for themselves.
    const other = await this.#underWay.get(key)?.catch(() => undefined);
    if (other) return other;
    this.checks++;
    const check = hashPieces(handle, expected);
    this.#underWay.set(key, check);
    try {
      const pieces = await check;
      this.#remember(key, pieces);
      return pieces;
    } finally {
      if (this.#underWay.get(key) === check) this.#underWay.delete(key);
    }
  }

  #remember(key: string, pieces: readonly Buffer[]): void {
    if (this.#pieces.has(key)) return;
    this.#pieces.set(key, pieces);
    this.#count += pieces.length;
    for (const [oldest, held] of this.#pieces) {
      if (this.#count <= this.#maximum) return;
      this.#pieces.delete(oldest);
      this.#count -= held.length;
    }
  }
}

/** @throws StoreError CONTENT_DAMAGED unless the whole is what it must be. */
async function hashPieces(handle: FileHandle, expected: ExpectedContent): Promise<readonly Buffer[]> {
  const whole = createHash('sha256');
  const pieces: Buffer[] = [];
  const buffer = Buffer.allocUnsafe(pieceBytes);
  for (let at = 0; at < expected.size; at += pieceBytes) {
    const piece = buffer.subarray(0, await readFully(handle, buffer, at, expected));
    whole.update(piece);
    pieces.push(hash('sha256', piece, 'buffer'));
  }
  const digest = whole.digest('hex');
  if (digest !== expected.digest) throw damaged(expected, `digest ${digest}`);
  return pieces;
}

/** @returns the bytes of the piece that begins at `at`. @throws StoreError CONTENT_DAMAGED when the file is shorter. */
async function readFully(
  handle: FileHandle,
  buffer: Buffer,
  at: number,
  expected: ExpectedContent,
): Promise<number> {
  const wanted = Math.min(pieceBytes, expected.size - at);
  for (let got = 0; got < wanted; ) {
    const { bytesRead } = await handle.read(buffer, got, wanted - got, at + got);
    if (bytesRead === 0) throw damaged(expected, `${at + got} bytes`);
    got += bytesRead;
  }
  return wanted;
}

/** Gives no piece that is not what it was when the whole was checked. */
class PartStream extends Readable {
  readonly #handle: FileHandle;
  readonly #expected: ExpectedContent;
  readonly #pieces: readonly Buffer[];
  readonly #end: number;
  #at: number;

  constructor(handle: FileHandle, expected: ExpectedContent, pieces: readonly Buffer[], part: ByteRange) {
    super({ highWaterMark: pieceBytes });
    this.#handle = handle;
    this.#expected = expected;
    this.#pieces = pieces;
    this.#at = part.start;
    this.#end = part.end;
  }

  override _read(): void {
    this.#next().catch((error: unknown) =>
      this.destroy(error instanceof Error ? error : new Error(String(error))),
    );
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#handle.close().then(
      () => done(error),
      (closeError: unknown) => done(error ?? (closeError instanceof Error ? closeError : null)),
    );
  }

  async #next(): Promise<void> {
    if (this.#at > this.#end) {
      this.push(null);
      return;
    }
    const index = Math.floor(this.#at / pieceBytes);
    const begin = index * pieceBytes;
    const buffer = Buffer.allocUnsafe(pieceBytes);
    const piece = buffer.subarray(0, await readFully(this.#handle, buffer, begin, this.#expected));
    if (!this.#pieces[index]?.equals(hash('sha256', piece, 'buffer'))) {
      throw damaged(this.#expected, `other bytes between ${begin} and ${begin + piece.length}`);
    }
    const given = piece.subarray(this.#at - begin, this.#end + 1 - begin);
    this.#at += given.length;
    this.push(given);
  }
}
