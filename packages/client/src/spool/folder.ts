// Where things lie in a spool folder, and the few ways of making them durable.

import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Content of users: nobody else's business. */
export const folderMode = 0o700;
export const fileMode = 0o600;

export interface SpoolPaths {
  /** Held by the kernel for the live process. */
  readonly lock: string;
  /** Who this folder is to the writer, and up to where its numbers are given out. */
  readonly producer: string;
  /** Batches of operations, and the content that is too large for them. */
  readonly entries: string;
  /** What the writer refused, and what could not be read any more. */
  readonly refused: string;
  /** Sub-folders of processes that share a folder; each looks like a spool folder of its own. */
  readonly shared: string;
}

export function spoolPaths(folder: string): SpoolPaths {
  const at = (name: string) => join(folder, name);
  return {
    lock: at('lock'),
    producer: at('producer.json'),
    entries: at('entries'),
    refused: at('refused'),
    shared: at('shared'),
  };
}

const contentSuffix = '.content';
const batchSuffix = '.batch';

/** A name that was never used before: an operation id may come again while its first content is being removed. */
export const contentName = (operationId: string) =>
  `${operationId}-${randomBytes(4).toString('hex')}${contentSuffix}`;
/** Numbered, so that a listing is in the order of acceptance. */
export const batchName = (number: number) => `${String(number).padStart(12, '0')}${batchSuffix}`;
export const isContentName = (name: string) => name.endsWith(contentSuffix);
export const isBatchName = (name: string) => name.endsWith(batchSuffix);
export const numberOfBatch = (name: string) => Number.parseInt(name, 10);

/** Makes a folder that is still there after a power cut. */
export async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: folderMode });
  if (first === undefined) return;
  const above = dirname(first);
  for (let at = path; at !== above; at = dirname(at)) await syncFolder(dirname(at));
}

/** Makes the names in a folder durable: new ones, and those that went. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Writes a new file and makes its bytes, though not yet its name, durable. */
export async function writeDurably(path: string, parts: readonly Uint8Array[]): Promise<void> {
  await withFile(path, async (file) => {
    await writeAll(file, parts);
    await file.sync();
  });
}

/** Writes all of it, or throws. `write` and `writev` only say in their answer that a disk was full half-way. */
export async function writeAll(file: FileHandle, parts: readonly Uint8Array[]): Promise<void> {
  const { bytesWritten } = await file.writev(parts);
  const bytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
  if (bytesWritten < bytes) await file.writeFile(Buffer.concat(parts).subarray(bytesWritten));
}

/** Replaces a small file as a whole, or not at all, also when the power is cut. */
export async function replaceDurably(path: string, text: string, beforeRename = () => {}): Promise<void> {
  const fresh = `${path}.new`;
  await writeDurably(fresh, [Buffer.from(text)]);
  beforeRename();
  await rename(fresh, path);
  await syncFolder(dirname(path));
}

/** Opens a new or emptied file for writing, for as long as `use` takes. */
export async function withFile<T>(path: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, 'w', fileMode);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
}
