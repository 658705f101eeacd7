// Small bytes as a backup has them: they are part of its database, and of no file of the pool.

import { createHash } from 'node:crypto';
import { openReadConnection } from '../connection.ts';
import { databasePath } from '../data-dir.ts';
import { isStoreError } from '../errors.ts';
import { one } from '../statements.ts';
import { backupFolder } from './layout.ts';
import { listBackups } from './list-backups.ts';
import { lockBackups } from './lock.ts';

/**
 * Looks through the backups, the newest first, and takes only bytes that are what the digest says.
 * @param digest SHA-256, 64 lower-case hex digits.
 * @returns undefined when no backup has them, or while backups are being removed.
 */
export async function findInlineBytes(backupDir: string, digest: string): Promise<Buffer | undefined> {
  const backups = await listBackups(backupDir);
  if (backups.length === 0) return undefined;
  const release = tryLock(backupDir);
  try {
    for (const { name, manifest } of release ? backups.reverse() : []) {
      const bytes = manifest && readBytes(databasePath(backupFolder(backupDir, name)), digest);
      if (bytes && createHash('sha256').update(bytes).digest('hex') === digest) return bytes;
    }
    return undefined;
  } finally {
    release?.();
  }
}

function tryLock(backupDir: string): (() => void) | undefined {
  try {
    return lockBackups(backupDir, 'reading');
  } catch (error) {
    if (isStoreError(error, 'BACKUP_BUSY') || isStoreError(error, 'BACKUP_FAILED')) return undefined;
    throw error;
  }
}

/** A database that cannot be read is one that does not have them. */
function readBytes(path: string, digest: string): Buffer | undefined {
  let db: ReturnType<typeof openReadConnection> | undefined;
  try {
    db = openReadConnection(path);
    const sql = 'SELECT bytes FROM blobs JOIN blob_bytes USING (blob_id) WHERE digest = ?';
    return one<{ bytes: Buffer }>(db, sql, digest)?.bytes;
  } catch {
    return undefined;
  } finally {
    db?.close();
  }
}
