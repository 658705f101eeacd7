// What is in a folder of backups. Says of each whether anybody has ever looked whether it can be restored.

import { readdir, readFile } from 'node:fs/promises';
import { unlessAbsent } from '../errno.ts';
import { isStoreError } from '../errors.ts';
import { backupFolder, isBackupName, verdictPath } from './layout.ts';
import { type Manifest, readManifest } from './manifest.ts';

/** What came out when a backup was verified last. */
export interface Verdict {
  /** ISO 8601, UTC. */
  readonly verifiedAt: string;
  readonly ok: boolean;
  readonly faults: readonly string[];
  /** Of the database that was looked at. */
  readonly databaseSha256: string | null;
}

export interface ListedBackup {
  readonly name: string;
  /** Undefined when it cannot be read; then `problem` says why. */
  readonly manifest: Manifest | undefined;
  readonly problem: string | undefined;
  /** Undefined: nobody has verified it as it is. */
  readonly verdict: Verdict | undefined;
}

/** Oldest first; none when there is no such folder. @throws StoreError never for a backup: a damaged one says so itself. */
export async function listBackups(backupDir: string): Promise<ListedBackup[]> {
  const names = ((await unlessAbsent(readdir(backupDir))) ?? []).filter(isBackupName).sort();
  return await Promise.all(names.map((name) => describe(backupDir, name)));
}

async function describe(backupDir: string, name: string): Promise<ListedBackup> {
  try {
    const manifest = await readManifest(backupDir, name);
    const verdict = await readVerdict(backupDir, name);
    const isOfThis = verdict?.databaseSha256 === manifest.database.sha256 || verdict?.ok === false;
    return { name, manifest, problem: undefined, verdict: isOfThis ? verdict : undefined };
  } catch (error) {
    if (!isStoreError(error)) throw error;
    return { name, manifest: undefined, problem: error.message, verdict: undefined };
  }
}

async function readVerdict(backupDir: string, name: string): Promise<Verdict | undefined> {
  const text = await unlessAbsent(readFile(verdictPath(backupFolder(backupDir, name)), 'utf8'));
  try {
    return text === undefined ? undefined : (JSON.parse(text) as Verdict);
  } catch {
    return undefined; // what nobody can read says nothing
  }
}
