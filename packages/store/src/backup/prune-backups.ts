// Removes old backups, and the files of the pool that none of the others names.

import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { blobFolders, databasePath } from '../data-dir.ts';
import { unlessAbsent } from '../errno.ts';
import { BlobTally, namedBlobs, withCopy } from './copy.ts';
import { fsyncPath } from './files.ts';
import { backupFolder, isBackupName, poolDir } from './layout.ts';
import { lockBackups } from './lock.ts';
import { removeLeftovers } from './make-backup.ts';
import { damagedBackup, readManifest } from './manifest.ts';

export interface Pruned {
  /** Names of the backups that are gone. */
  readonly removed: readonly string[];
  /** Files of the pool that nobody needed any more. */
  readonly blobs: number;
}

/**
 * Keeps the newest backups and removes the others, with what only they needed. Ended halfway, it may be run again.
 * @param keep how many to keep, at least 1.
 * @throws StoreError BACKUP_DAMAGED when any of them cannot be read: what it needs nobody can tell, so nothing is removed;
 *   BACKUP_BUSY, BACKUP_FAILED
 */
export async function pruneBackups(
  backupDir: string,
  keep: number,
  onStep?: (step: string) => void,
): Promise<Pruned> {
  if (!(Number.isSafeInteger(keep) && keep >= 1))
    throw new RangeError(`expected to keep 1 or more, got ${keep}`);
  const release = lockBackups(backupDir, 'removing');
  try {
    await removeLeftovers(backupDir, /^\.(making|verifying|removing)-/);
    const names = (await readdir(backupDir)).filter(isBackupName).sort();
    for (const name of names) await readManifest(backupDir, name);
    const kept = names.slice(-keep);
    const needed = new Set<string>();
    for (const name of kept) await addNeeded(backupDir, name, needed);
    onStep?.('prune.looked');
    const removed = names.slice(0, -keep);
    for (const name of removed) {
      await removeFolder(backupDir, name, onStep);
      onStep?.('prune.removed');
    }
    return { removed, blobs: await sweepPool(backupDir, needed, onStep) };
  } finally {
    release();
  }
}

/** From the database, held against the manifest: one that was changed must not cost another backup its files. */
async function addNeeded(backupDir: string, name: string, needed: Set<string>): Promise<void> {
  const { blobs } = await readManifest(backupDir, name);
  const tally = new BlobTally();
  const read = withCopy(databasePath(backupFolder(backupDir, name)), (db) => {
    for (const blob of namedBlobs(db)) {
      tally.add(blob);
      needed.add(blob.name);
    }
  });
  await read.catch((error: unknown) => {
    throw damagedBackup(name, 'a database that cannot be read', error);
  });
  if (tally.sum().namesSha256 !== blobs.namesSha256)
    throw damagedBackup(name, 'other blob files than its manifest says');
}

/** First under a name that no backup has, so that a kill leaves no half backup. */
async function removeFolder(backupDir: string, name: string, onStep?: (step: string) => void): Promise<void> {
  const removing = join(backupDir, `.removing-${name}`);
  await rename(backupFolder(backupDir, name), removing);
  await fsyncPath(backupDir);
  onStep?.('prune.hidden');
  await rm(removing, { recursive: true, force: true });
}

async function sweepPool(
  backupDir: string,
  needed: ReadonlySet<string>,
  onStep?: (step: string) => void,
): Promise<number> {
  let swept = 0;
  for (const folder of blobFolders) {
    for (const file of (await unlessAbsent(readdir(join(poolDir(backupDir), folder)))) ?? []) {
      if (needed.has(`${folder}/${file}`)) continue;
      await rm(join(poolDir(backupDir), folder, file), { force: true });
      swept += 1;
      onStep?.('prune.blob');
    }
  }
  return swept;
}
