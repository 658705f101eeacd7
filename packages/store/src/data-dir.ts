// The data folder of VM0: where things are in it, and how it is made so that a power cut cannot take it back.

import {
  chmodSync,
  closeSync,
  type Dirent,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { assertSwitched } from './backup/marker.ts';
import { errnoOf } from './errno.ts';
import { StoreError } from './errors.ts';

/** Owner writes, the group `filefleet` (the dashboard) reads, nobody else looks in. */
export const folderMode = 0o750;
export const fileMode = 0o640;

export const databasePath = (dataDir: string): string => join(dataDir, 'conversation_files.db');
export const blobsDir = (dataDir: string): string => join(dataDir, 'blobs');
/** Bytes of jobs in quarantine, and files of damaged contents. */
export const quarantineDir = (dataDir: string): string => join(dataDir, 'quarantine');
/** Names of the latter begin with this. */
export const damagedPrefix = 'damaged-';
/** Uploads of the dashboard on their way to the writer: the only folder that is not the writer's alone. */
export const incomingDir = (dataDir: string): string => join(dataDir, 'incoming');
/** How long a file may lie in it, in milliseconds: its operation comes by then, or brings its bytes again. */
export const incomingLifeMs = 3_600_000;
/**
 * The group may put files there. Sticky, so that it removes and renames none but its own, while the writer, who owns the
 * folder, removes them all. Others see nothing of it, because they cannot enter the data folder.
 */
export const incomingMode = 0o1770;
/** Bytes of refused stores, for a while. */
export const deadLettersDir = (dataDir: string): string => join(dataDir, 'dead-letters');
export const tmpDir = (dataDir: string): string => join(dataDir, 'tmp');
export const lockPath = (dataDir: string): string => join(dataDir, 'writer.lock');

/** The 256 folders that blobs are spread over, by the first two hex digits of their digest. */
export const blobFolders: readonly string[] = Object.freeze(
  Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0')),
);

/**
 * Makes the folder tree, nested parents included; what is there already is left alone. New folders are fsynced.
 * @returns the absolute path.
 * @throws StoreError PATH_INVALID when a part of the path is a file, not writable, or no path at all.
 * @throws StoreError STORAGE_FAULT when the disk is full or broken.
 * @throws StoreError RESTORE_UNFINISHED when a restore was ended while it switched the folder over.
 */
export function ensureDataDir(dataDir: string): string {
  const path = resolveDataDir(dataDir);
  try {
    assertSwitched(path);
    makeFolder(path);
    makeFolder(tmpDir(path));
    makeFolder(quarantineDir(path));
    makeFolder(deadLettersDir(path));
    makeFolder(blobsDir(path));
    makeIncoming(incomingDir(path));
    const present = new Set(
      readdirSync(blobsDir(path), { withFileTypes: true }).filter(isFolder).map(nameOf),
    );
    for (const name of blobFolders) if (!present.has(name)) makeOne(join(blobsDir(path), name));
    // Always, because an earlier start may have been killed before this. The folders in it need none of their own:
    // they are empty, and each is fsynced with the first blob that is put into it.
    fsyncFolder(blobsDir(path));
    fsyncFolder(path);
  } catch (error) {
    throw describeFault(error, path);
  }
  return path;
}

const isFolder = (entry: Dirent): boolean => entry.isDirectory();
const nameOf = (entry: Dirent): string => entry.name;

/** Makes directory entries durable: a created, renamed or removed name is safe only after this. */
export function fsyncFolder(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * The absolute path of a data folder; nothing is looked at or made.
 * @throws StoreError PATH_INVALID when it is empty or has a NUL character.
 */
export function resolveDataDir(dataDir: string): string {
  if (typeof dataDir === 'string' && dataDir !== '' && !dataDir.includes('\0')) return resolve(dataDir);
  throw new StoreError(
    'PATH_INVALID',
    `expected the data folder to be a path without NUL characters, got ${JSON.stringify(dataDir)}; set FILEFLEET_DATA_DIR`,
    { facts: { dataDir } },
  );
}

function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) {
    const parent = dirname(path);
    if (parent !== path) makeFolder(parent);
  }
  if (makeOne(path)) {
    fsyncFolder(path);
    fsyncFolder(dirname(path));
  }
}

/** Its mode is put right at each start, if it is ours: a umask takes bits away, and a start may end before this. */
function makeIncoming(path: string): void {
  makeFolder(path);
  const { uid, mode } = statSync(path);
  if (uid === process.geteuid?.() && (mode & 0o7777) !== incomingMode) chmodSync(path, incomingMode);
}

/** @returns true when the folder was made, false when it was there. */
function makeOne(path: string): boolean {
  try {
    mkdirSync(path, folderMode);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST' && statSync(path).isDirectory()) return false;
    throw error;
  }
}

function describeFault(error: unknown, dataDir: string): unknown {
  const errno = errnoOf(error);
  if (errno === undefined || !(error instanceof Error) || error instanceof StoreError) return error;
  const fault = ['EIO', 'ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE', 'ENOMEM'].includes(errno);
  const path = 'path' in error && typeof error.path === 'string' ? error.path : dataDir;
  const message = fault
    ? `expected the disk to take the data folder ${dataDir}, got ${errno} at ${path}; check space and disk`
    : `expected ${path} to be a folder that this user may write to, got ${errno}; ` +
      'move what is in the way, fix owner and mode, or set FILEFLEET_DATA_DIR';
  return new StoreError(fault ? 'STORAGE_FAULT' : 'PATH_INVALID', message, {
    cause: error,
    facts: { dataDir, path, errno },
  });
}
