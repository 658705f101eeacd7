// Where tests put their folders: in memory where there is room for them. Whatever kills a process keeps the page cache, so an
// fsync tells a test nothing, and thousands of them are half the time of a run.

import { accessSync, constants, statfsSync } from 'node:fs';
import { freemem } from 'node:os';

const memory = '/dev/shm';
/** Tests side by side keep some hundred megabytes; in containers this file system often has 64. */
const roomBytes = 2 * 1024 ** 3;

/** @returns a folder in memory, or undefined where there is none, or too little of it. */
export function folderInMemory(): string | undefined {
  try {
    accessSync(memory, constants.W_OK);
    const { bavail, bsize } = statfsSync(memory);
    return Math.min(bavail * bsize, freemem()) < roomBytes ? undefined : memory;
  } catch {
    return undefined;
  }
}
