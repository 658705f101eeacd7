// Bytes from one file to another, hashed on the way, and on the disk when it returns.

import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { fileMode } from '../data-dir.ts';
import { StoreError } from '../errors.ts';

export interface Hashed {
  readonly bytes: number;
  /** SHA-256, hex. */
  readonly sha256: string;
}

/** Small enough that hashing one piece holds up an event loop for a fraction of a millisecond. */
const pieceBytes = 256 * 1024;

export async function hashFile(path: string): Promise<Hashed> {
  const source = await open(path, 'r');
  try {
    return await hashFrom(source);
  } finally {
    await source.close();
  }
}

/** The same of a file that is open, from where it stands. */
export const hashFrom = (source: FileHandle): Promise<Hashed> => eachPiece(source, async () => {});

/** Copies into a file that must not be there yet. @returns what was copied; it is fsynced, its folder is not. */
export async function copyHashed(from: string, to: string): Promise<Hashed> {
  const source = await open(from, 'r');
  try {
    return await copyFrom(source, to);
  } finally {
    await source.close();
  }
}

/** The same from a file that is open, from where it stands. */
export async function copyFrom(source: FileHandle, to: string): Promise<Hashed> {
  const target = await open(to, 'wx', fileMode);
  try {
    const hashed = await eachPiece(source, (piece) => target.writeFile(piece));
    await sync(target, to);
    return hashed;
  } finally {
    await target.close();
  }
}

/** Writes a new file and fsyncs it; its folder is not. */
export async function writeDurably(path: string, text: string): Promise<void> {
  const target = await open(path, 'wx', fileMode);
  try {
    await target.writeFile(text);
    await sync(target, path);
  } finally {
    await target.close();
  }
}

/** Makes a file or the names in a folder durable. */
export async function fsyncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await sync(handle, path);
  } finally {
    await handle.close();
  }
}

async function eachPiece(source: FileHandle, use: (piece: Buffer) => Promise<void>): Promise<Hashed> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(pieceBytes);
  for (let bytes = 0; ; ) {
    const { bytesRead } = await source.read(buffer, 0, buffer.length);
    if (bytesRead === 0) return { bytes, sha256: hash.digest('hex') };
    const piece = buffer.subarray(0, bytesRead);
    hash.update(piece);
    await use(piece);
    bytes += bytesRead;
  }
}

async function sync(handle: FileHandle, path: string): Promise<void> {
  try {
    await handle.sync();
  } catch (cause) {
    const message = `expected fsync of ${path} to succeed, got an error; check the disk, then start again`;
    throw new StoreError('STORAGE_FAULT', message, { cause, facts: { path } });
  }
}
