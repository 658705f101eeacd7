// Verifies a backup the only way that says anything: makes a store of it, aside, and verifies that one, every byte of it.

import { link, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, systemClock } from '../clock.ts';
import { errnoOf, unlessAbsent } from '../errno.ts';
import { isStoreError, StoreError } from '../errors.ts';
import { type StepReport, verifyStore } from '../verify/verify.ts';
import type { NamedBlob } from './copy.ts';
import { copyHashed, fsyncPath, hashFile, writeDurably } from './files.ts';
import { backupFolder, poolDir, verdictPath } from './layout.ts';
import type { Verdict } from './list-backups.ts';
import { lockBackups } from './lock.ts';
import { readManifest } from './manifest.ts';
import { rebuildStore } from './rebuild.ts';

export interface VerifyBackupOptions {
  readonly backupDir: string;
  readonly name: string;
  readonly clock?: Clock;
  /** Told each step of the restored store's verification as it comes. */
  readonly onReport?: (report: StepReport) => void;
}

/** What makes a backup bad, and not the machine that looks at it. */
const faultCodes = ['BACKUP_DAMAGED', 'DATABASE_CORRUPT', 'SCHEMA_DAMAGED', 'MIGRATION_FAILED'] as const;

/**
 * Verifies one backup and notes what came out beside it. A file of the pool that is damaged is moved aside, as `<name>.damaged`,
 * so that the next backup copies it anew.
 * @throws StoreError BACKUP_UNKNOWN, BACKUP_BUSY, SCHEMA_NEWER, and BACKUP_FAILED when the folder cannot be written
 */
export async function verifyBackup(options: VerifyBackupOptions): Promise<Verdict> {
  const { backupDir, name, clock = systemClock } = options;
  const release = lockBackups(backupDir, 'reading');
  const targetDir = join(backupDir, `.verifying-${process.pid}-${name}`);
  try {
    await rm(targetDir, { recursive: true, force: true });
    const { faults, databaseSha256 } = await findFaults(options, targetDir);
    const verifiedAt = new Date(clock.nowMs()).toISOString();
    const verdict: Verdict = { verifiedAt, ok: faults.length === 0, faults, databaseSha256 };
    await noteVerdict(backupFolder(backupDir, name), verdict);
    return verdict;
  } catch (error) {
    throw isStoreError(error) ? error : failed(error, backupDir);
  } finally {
    await rm(targetDir, { recursive: true, force: true });
    release();
  }
}

async function findFaults(
  { backupDir, name, clock = systemClock, onReport }: VerifyBackupOptions,
  targetDir: string,
): Promise<{ faults: readonly string[]; databaseSha256: string | null }> {
  let databaseSha256: string | null = null;
  const faults: string[] = [];
  try {
    const manifest = await readManifest(backupDir, name);
    databaseSha256 = manifest.database.sha256;
    const place = (blob: NamedBlob, to: string) => placeSound(backupDir, blob, to);
    await rebuildStore({ backupDir, name, manifest, targetDir, place, clock });
    for await (const report of verifyStore({ dataDir: targetDir, deep: true, clock })) {
      onReport?.(report);
      faults.push(...report.faults.map((fault) => `${report.name}: ${fault}`));
    }
  } catch (error) {
    if (!isStoreError(error, ...faultCodes)) throw error;
    faults.push(error.message);
  }
  return { faults, databaseSha256 };
}

/** A link costs no room; where there are none, a copy. */
async function placeSound(backupDir: string, blob: NamedBlob, to: string): Promise<string | undefined> {
  const from = join(poolDir(backupDir), blob.name);
  const found = await unlessAbsent(hashFile(from));
  if (found === undefined) return 'no file';
  if (found.sha256 !== blob.digest || found.bytes !== blob.size) {
    await rename(from, `${from}.damaged`);
    return found.bytes === blob.size
      ? 'bytes that are not its digest'
      : `${found.bytes} bytes instead of ${blob.size}`;
  }
  await link(from, to).catch(async (error: unknown) => {
    if (!['EPERM', 'EMLINK', 'ENOTSUP', 'ENOSYS'].includes(errnoOf(error) ?? '')) throw error;
    await copyHashed(from, to);
  });
  return undefined;
}

async function noteVerdict(folder: string, verdict: Verdict): Promise<void> {
  const draft = `${verdictPath(folder)}.${process.pid}.new`;
  await rm(draft, { force: true });
  await writeDurably(draft, `${JSON.stringify(verdict, null, 2)}\n`);
  await rename(draft, verdictPath(folder));
  await fsyncPath(folder);
}

function failed(cause: unknown, backupDir: string): StoreError {
  return new StoreError(
    'BACKUP_FAILED',
    `expected to read and write in ${backupDir}, got ${errnoOf(cause) ?? String(cause)}; check that disk`,
    { cause, facts: { backupDir } },
  );
}
