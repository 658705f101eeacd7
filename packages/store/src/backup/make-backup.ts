// Makes a backup: database first, then the blob files that the copy names, then a manifest; published by a rename, when all of
// it is on the disk. So a backup is either whole or not there.

import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, systemClock } from '../clock.ts';
import { blobsDir, databasePath, folderMode } from '../data-dir.ts';
import { errnoOf } from '../errno.ts';
import { isStoreError, StoreError } from '../errors.ts';
import { BlobTally, type CopyFacts, makeLonely, namedBlobs, readFacts, withCopy } from './copy.ts';
import { fsyncPath, hashFile, writeDurably } from './files.ts';
import { backupFolder, backupName, manifestPath, poolDir } from './layout.ts';
import { lockBackups } from './lock.ts';
import { formatVersion, type Manifest, type MissingBlob } from './manifest.ts';
import { Pool } from './pool.ts';

export interface MakeBackupOptions {
  /** The store's data folder: where the blob files are. */
  readonly dataDir: string;
  /** Absolute path of the folder of backups; made when absent. */
  readonly backupDir: string;
  /** Copies the database to a path: `WriterSession.backupTo`, wherever that lives. */
  readonly copyDatabase: (targetPath: string) => Promise<unknown>;
  readonly clock?: Clock;
  /** Called at named steps; tests let the process die there. */
  readonly onStep?: (step: string) => void;
}

export interface MadeBackup {
  readonly name: string;
  readonly manifest: Manifest;
  /** Blob files that were not in the pool before. */
  readonly copied: { readonly blobs: number; readonly bytes: number };
}

/** More than this is no damage here and there, but a folder that is not mounted. */
const tolerableMissing = 10_000;

/** Whatever else happens, a fault of that disk among it, is the backup's trouble and not the store's. */
const ownCodes = ['BACKUP_FAILED', 'BACKUP_BUSY', 'CLOSED', 'NOT_INITIALIZED'] as const;

/**
 * Makes a backup while the store goes on. Nothing may unlink blob files of the store meanwhile: whoever runs it keeps the
 * sweep waiting. Files that were not there, or not what their digest says, are named in the manifest's `missing`.
 * @throws StoreError BACKUP_FAILED, BACKUP_BUSY, CLOSED, NOT_INITIALIZED: no backup was made, and the store is unaffected.
 */
export async function makeBackup(options: MakeBackupOptions): Promise<MadeBackup> {
  const { backupDir, clock = systemClock } = options;
  const release = lockBackups(backupDir, 'making');
  const createdAtMs = clock.nowMs();
  const draft = join(backupDir, `.making-${process.pid}-${createdAtMs}`);
  try {
    await removeLeftovers(backupDir, /^\.making-/); // others may be verifying
    await mkdir(draft, { mode: folderMode });
    options.onStep?.('backup.begun');
    return await make(options, draft, createdAtMs);
  } catch (error) {
    throw isStoreError(error, ...ownCodes) ? error : failed(error, backupDir);
  } finally {
    await rm(draft, { recursive: true, force: true }).catch(() => undefined); // the next one removes it
    release();
  }
}

async function make(options: MakeBackupOptions, draft: string, createdAtMs: number): Promise<MadeBackup> {
  const { backupDir, copyDatabase, onStep } = options;
  const copyPath = databasePath(draft);
  await copyDatabase(copyPath);
  onStep?.('backup.copied');
  await makeLonely(copyPath);
  const { bytes, sha256 } = await hashFile(copyPath);
  const { facts, missing, copied } = await copyBlobs(options, draft, copyPath);
  onStep?.('backup.pooled');
  const createdAt = new Date(createdAtMs).toISOString();
  const manifest: Manifest = { formatVersion, createdAt, ...facts, database: { bytes, sha256 }, missing };
  await writeDurably(manifestPath(draft), `${JSON.stringify(manifest, null, 2)}\n`);
  await fsyncPath(draft);
  onStep?.('backup.described');
  const name = backupName(createdAtMs, manifest.commitSequence);
  await rename(draft, backupFolder(backupDir, name));
  await fsyncPath(backupDir);
  onStep?.('backup.published');
  return { name, manifest, copied };
}

async function copyBlobs(
  { dataDir, backupDir, onStep }: MakeBackupOptions,
  draft: string,
  copyPath: string,
): Promise<{ facts: CopyFacts; missing: MissingBlob[]; copied: MadeBackup['copied'] }> {
  await mkdir(poolDir(backupDir), { recursive: true, mode: folderMode });
  const pool = new Pool(backupDir, draft);
  const tally = new BlobTally();
  const missing: MissingBlob[] = [];
  const copied = { blobs: 0, bytes: 0 };
  const facts = await withCopy(copyPath, async (db) => {
    for (const blob of namedBlobs(db)) {
      tally.add(blob);
      if (await pool.has(blob.name)) continue;
      const reason = await pool.add(join(blobsDir(dataDir), blob.name), blob);
      if (reason === undefined) {
        copied.blobs += 1;
        copied.bytes += blob.size;
        onStep?.('backup.blob');
      } else {
        const { name, digest, size } = blob;
        missing.push({ name, digest, size, reason });
        if (missing.length > tolerableMissing) throw tooManyMissing(dataDir);
      }
    }
    return readFacts(db);
  });
  await pool.sync();
  return { facts: { ...facts, blobs: tally.sum() }, missing, copied };
}

/** Only while no other process makes or removes backups. */
export async function removeLeftovers(backupDir: string, leftover: RegExp): Promise<void> {
  for (const name of await readdir(backupDir)) {
    if (leftover.test(name)) await rm(join(backupDir, name), { recursive: true, force: true });
  }
}

function failed(cause: unknown, backupDir: string): StoreError {
  const reason = errnoOf(cause) ?? String(cause);
  return new StoreError(
    'BACKUP_FAILED',
    `expected to write a backup to ${backupDir}, got ${reason}; check that disk, the store itself is unaffected`,
    { cause, facts: { backupDir } },
  );
}

function tooManyMissing(dataDir: string): StoreError {
  return new StoreError(
    'BACKUP_FAILED',
    `expected the blob files of ${dataDir} to be there, got more than ${tolerableMissing} missing; is its disk mounted?`,
    { facts: { dataDir } },
  );
}
