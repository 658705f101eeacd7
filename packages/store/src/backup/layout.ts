// Where things are in a folder of backups. `blobs/` is a pool that all backups share: a blob's name holds its digest and is
// unique per incarnation, so the next backup copies only files that are not there yet.
//
//   blobs/ab/<name>                 the pool
//   <UTC time>-<commit sequence>/   one backup: conversation_files.db, manifest.json, verified.json
//   .making-..., .removing-...      on their way; whatever a kill leaves of them is removed by the next one

import { join } from 'node:path';
import { StoreError } from '../errors.ts';

export const poolDir = (backupDir: string): string => join(backupDir, 'blobs');
export const manifestPath = (folder: string): string => join(folder, 'manifest.json');
export const verdictPath = (folder: string): string => join(folder, 'verified.json');

const namePattern = /^\d{8}T\d{6}\.\d{3}Z-\d+$/;

/** Sorted by name is sorted by time. */
export function backupName(createdAtMs: number, commitSequence: number): string {
  return `${new Date(createdAtMs).toISOString().replaceAll(/[-:]/g, '')}-${commitSequence}`;
}

export const isBackupName = (name: string): boolean => namePattern.test(name);

/**
 * The folder of one backup; nothing is looked at.
 * @throws StoreError BACKUP_UNKNOWN when the name is not one that a backup can have.
 */
export function backupFolder(backupDir: string, name: string): string {
  if (isBackupName(name)) return join(backupDir, name);
  throw unknownBackup(backupDir, name);
}

export function unknownBackup(backupDir: string, name: string): StoreError {
  return new StoreError(
    'BACKUP_UNKNOWN',
    `expected ${JSON.stringify(name)} to be a backup in ${backupDir}, got none of that name; list them with: npx filefleet backup ls`,
    { facts: { backupDir, name } },
  );
}
