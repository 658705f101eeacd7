// One live process per spool folder: a kernel lock on an open file description, which goes with the process however
// it ends. Held by the store's writer in the same way.

import { close, constants, open } from 'node:fs';
import { type FileHandle, open as openFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { promisify } from 'node:util';
import { isFull, spoolInUse } from './failures.ts';
import { fileMode, spoolPaths } from './folder.ts';

export interface SpoolLock {
  /** Frees the folder. Releasing twice does no harm. */
  release(): Promise<void>;
}

const openDescriptor = promisify(open);
const closeDescriptor = promisify(close);

/**
 * Takes the folder, which must exist, at once or not at all.
 * @throws ClientError SPOOL_IN_USE when another client has it, of this process or another one.
 */
export async function lockSpool(folder: string): Promise<SpoolLock> {
  // Loaded here: a client without a spool needs no native code.
  const { tryLock } = await import('fs-native-extensions');
  const path = spoolPaths(folder).lock;
  // A plain descriptor: a FileHandle is closed when it is collected, and the lock would go with it.
  const fd = await openDescriptor(path, constants.O_RDWR | constants.O_CREAT, fileMode);
  if (!tryLock(fd)) {
    await closeDescriptor(fd);
    throw spoolInUse(folder, (await holderOf(folder)) ?? 'a process that is just starting');
  }
  await writeHolder(path, `pid ${process.pid} on ${hostname()}`).catch(unlessFull);
  let released = false;
  return {
    release: async () => {
      if (released) return;
      released = true;
      await writeHolder(path, '').catch(() => undefined); // somebody removed the folder: nothing to hold
      await closeDescriptor(fd);
    },
  };
}

/** Who holds the folder by its own words: a hint for people, and stale after a crash. The lock is the kernel's. */
export async function holderOf(folder: string): Promise<string | undefined> {
  const file = await openFile(spoolPaths(folder).lock, 'r').catch(() => undefined);
  if (file === undefined) return undefined;
  return await reading(file);
}

async function reading(file: FileHandle): Promise<string | undefined> {
  try {
    return (await file.readFile('utf8')).trim() || undefined;
  } finally {
    await file.close();
  }
}

/** It is only a hint, and what fills the disk may be what this process is here to hand over. */
function unlessFull(error: unknown): void {
  if (!isFull(error)) throw error;
}

async function writeHolder(path: string, text: string): Promise<void> {
  const file = await openFile(path, 'r+');
  try {
    await file.truncate(0);
    await file.write(text, 0);
  } finally {
    await file.close();
  }
}
