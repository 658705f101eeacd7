// Who may do what with a folder of backups at the same time. One makes a backup, many read; whoever removes is alone, because
// a backup that is being made rests on files of the pool that no manifest names yet.

import { closeSync, constants, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { tryLock } from 'fs-native-extensions';
import { fileMode, folderMode } from '../data-dir.ts';
import { StoreError } from '../errors.ts';

/**
 * Takes the folder's locks, at once or not at all; the folder is made when absent.
 * @returns frees them; to be called once.
 * @throws StoreError BACKUP_BUSY, BACKUP_FAILED when the folder cannot be used.
 */
export function lockBackups(backupDir: string, use: 'making' | 'reading' | 'removing'): () => void {
  const held: number[] = [];
  const release = () => {
    for (const fd of held.splice(0)) closeSync(fd);
  };
  const take = (file: string, shared: boolean) => {
    const fd = openLockFile(backupDir, file);
    held.push(fd);
    if (!tryLock(fd, { shared })) throw busy(backupDir);
  };
  try {
    take('backups.lock', use !== 'removing');
    if (use === 'making') take('making.lock', false);
    return release;
  } catch (error) {
    release();
    throw error;
  }
}

function openLockFile(backupDir: string, file: string): number {
  try {
    mkdirSync(backupDir, { recursive: true, mode: folderMode });
    return openSync(join(backupDir, file), constants.O_RDWR | constants.O_CREAT, fileMode);
  } catch (cause) {
    const message = `expected ${backupDir} to be a folder for backups, got ${String(cause)}; fix it, or set FILEFLEET_BACKUP_DIR`;
    throw new StoreError('BACKUP_FAILED', message, { cause, facts: { backupDir } });
  }
}

function busy(backupDir: string): StoreError {
  return new StoreError(
    'BACKUP_BUSY',
    `expected nobody else to work in ${backupDir}, got another process making, removing or reading backups; wait for it`,
    { facts: { backupDir } },
  );
}
