// Which errors are the machine's and not an operation's, and what the writer may do about them.

import { errnoOf } from './errno.ts';
import { StoreError, type StoreErrorCode } from './errors.ts';
import { asStoreError } from './sqlite-errors.ts';

/**
 * Sorts errors of SQLite and of the file system.
 * @returns STORAGE_FULL or STORAGE_BUSY: nothing was applied, wait and try the same again. Any other StoreError: the disk
 *   or the database cannot be trusted: stop, never retry. undefined: not the machine's, so an operation's own.
 */
export function machineFault(error: unknown): StoreError | undefined {
  const sorted = asStoreError(error, 'applying a group');
  if (sorted instanceof StoreError) return sorted;
  const code = fileSystemCodes.get(errnoOf(error) ?? '');
  if (code === undefined) return undefined;
  const message = `expected the disk to take the bytes of a blob, got ${errnoOf(error)}; ${advice[code]}`;
  return new StoreError(code, message, { cause: error, facts: { errno: errnoOf(error) } });
}

/** Whether the same may be tried again when the machine has recovered. */
export function isPassing(error: unknown): boolean {
  return error instanceof StoreError && (error.code === 'STORAGE_FULL' || error.code === 'STORAGE_BUSY');
}

type FileSystemFault = Extract<StoreErrorCode, 'STORAGE_FULL' | 'STORAGE_BUSY' | 'STORAGE_FAULT'>;

const fileSystemCodes: ReadonlyMap<string, FileSystemFault> = new Map([
  ['ENOSPC', 'STORAGE_FULL'],
  ['EDQUOT', 'STORAGE_FULL'],
  ['EMFILE', 'STORAGE_BUSY'],
  ['ENFILE', 'STORAGE_BUSY'],
  ['EAGAIN', 'STORAGE_BUSY'],
  ['EIO', 'STORAGE_FAULT'],
  ['EROFS', 'STORAGE_FAULT'],
  ['EACCES', 'STORAGE_FAULT'],
  ['EPERM', 'STORAGE_FAULT'],
  ['ENOENT', 'STORAGE_FAULT'],
  ['ENOTDIR', 'STORAGE_FAULT'],
]);

const advice: Record<FileSystemFault, string> = {
  STORAGE_FULL: 'free some space',
  STORAGE_BUSY: 'raise the limit of open files',
  STORAGE_FAULT: 'check the disk and the data folder, then start again',
};
