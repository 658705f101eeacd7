// `filefleet backup`: make, list, verify, prune and restore backups. With a running writer a backup is made by it.

import { resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import {
  type BackupRun,
  isStoreError,
  type ListedBackup,
  lastBackupRun,
  listBackups,
  makeBackupAlone,
  pruneBackups,
  restoreBackup,
  verifyBackup,
} from '@filefleet/store';
import { bytesText } from '../bytes-text.ts';
import type { Context } from '../context.ts';
import { CliError } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { shown } from '../safe-text.ts';
import { withClient } from './fleet-client.ts';
import { seenEpoch } from './seen-epoch.ts';
import { moment, table } from './table.ts';

/** How often the database is asked whether the writer is done, in milliseconds. */
const lookEveryMs = 200;

/** @throws StoreError as `makeBackupAlone` says; CliError CHECK_FAILED when the writer could not make it. */
export async function createBackup(
  context: Context,
  { to, timeout = 3_600 }: { readonly to?: string; readonly timeout?: number },
): Promise<number> {
  const { dataDir, backupDir } = context.config();
  try {
    const folder = to === undefined ? backupDir : resolve(to);
    const { name, manifest, copied } = await makeBackupAlone({ dataDir, backupDir: folder });
    const missing = manifest.missing.length;
    const made = { name, commitSequence: manifest.commitSequence, ...copied, missing };
    context.answer({ ...made, backupDir: folder }, () => describeMade(made));
    return exitCodes.ok.code;
  } catch (error) {
    if (!isStoreError(error, 'LOCK_HELD')) throw error;
    if (to !== undefined) throw elsewhere(error);
    return await askWriter(context, timeout * 1000);
  }
}

async function askWriter(context: Context, patienceMs: number): Promise<number> {
  const { dataDir, backupDir } = context.config();
  const { committedAt } = await withClient(context, {}, ({ operator }) => operator.makeBackup());
  const run = await untilMade(dataDir, Date.parse(committedAt), patienceMs);
  const { ok, ...facts } = run.result;
  if (ok !== true) {
    const reason = `${String(facts.code)}: ${String(facts.message)}`;
    throw new CliError('CHECK_FAILED', 'failed', `expected the writer to make a backup, got ${reason}`, {
      facts,
    });
  }
  context.answer({ ...facts, backupDir }, () => describeMade(facts));
  return exitCodes.ok.code;
}

/** Times are the writer's, both of them. */
async function untilMade(dataDir: string, askedAtMs: number, patienceMs: number): Promise<BackupRun> {
  for (const until = performance.now() + patienceMs; performance.now() < until; await wait(lookEveryMs)) {
    const run = lastBackupRun(dataDir);
    if (run && run.startedAtMs >= askedAtMs) return run;
  }
  throw new CliError(
    'CHECK_FAILED',
    'unavailable',
    `expected the writer to finish the backup within ${patienceMs / 1000} s, got nothing; look at its log, and later at: npx filefleet backup ls`,
  );
}

function describeMade({ name, blobs, bytes, missing }: Readonly<Record<string, unknown>>): string {
  const lost =
    Number(missing) > 0 ? `\n${String(missing)} contents were gone or damaged, and are not in it` : '';
  return `${String(name)}\n${String(blobs)} new blob files, ${bytesText(Number(bytes))}${lost}`;
}

function elsewhere(cause: unknown): CliError {
  return new CliError(
    'USAGE',
    'usage',
    'expected no writer to run for a backup to another folder, got one; leave --to out, or give the writer that FILEFLEET_BACKUP_DIR',
    { cause },
  );
}

export async function listAllBackups(context: Context): Promise<number> {
  const { backupDir } = context.config();
  const backups = await listBackups(backupDir);
  context.answer({ backupDir, backups }, () =>
    backups.length === 0
      ? `no backups in ${backupDir}`
      : table(['backup', 'made at', 'files', 'bytes', 'verified'], backups.map(describeListed)),
  );
  return exitCodes.ok.code;
}

function describeListed({ name, manifest, problem, verdict }: ListedBackup): string[] {
  if (!manifest) return [name, '-', '-', '-', shown(problem ?? '', 200)];
  const bytes = manifest.database.bytes + manifest.blobs.bytes;
  const missing = manifest.missing.length > 0 ? `, ${manifest.missing.length} contents missing` : '';
  const verified = verdict
    ? `${verdict.ok ? 'yes' : 'DAMAGED'}, ${moment(Date.parse(verdict.verifiedAt))}`
    : 'not verified';
  const files = String(manifest.counts.files + manifest.counts.deletedFiles);
  return [name, moment(Date.parse(manifest.createdAt)), files, bytesText(bytes), verified + missing];
}

/** @returns exit code 1 when it is damaged. */
export async function verifyOne(context: Context, wanted: string | undefined): Promise<number> {
  const { backupDir } = context.config();
  const name = wanted ?? (await listBackups(backupDir)).at(-1)?.name;
  if (name === undefined) {
    const message = `expected a backup in ${backupDir}, got none; make one with: npx filefleet backup create`;
    throw new CliError('CHECK_FAILED', 'failed', message);
  }
  const verdict = await verifyBackup({
    backupDir,
    name,
    onReport: (report) =>
      context.note(`${report.name}: ${report.checked} looked at, ${report.faultCount} wrong`),
  });
  context.answer({ name, ...verdict }, () =>
    verdict.ok
      ? `${name} can be restored: every byte of it is as it should be`
      : `${name} is damaged:\n${verdict.faults.map((fault) => `  ${shown(fault, 300)}`).join('\n')}`,
  );
  return verdict.ok ? exitCodes.ok.code : exitCodes.failed.code;
}

export async function prune(context: Context, { keep }: { readonly keep: number }): Promise<number> {
  const { removed, blobs } = await pruneBackups(context.config().backupDir, keep);
  context.answer({ removed, blobs }, () =>
    [
      ...removed.map((name) => `removed ${name}`),
      `${removed.length} backups and ${blobs} blob files removed`,
    ].join('\n'),
  );
  return exitCodes.ok.code;
}

/** @throws StoreError as `restoreBackup` says */
export async function restore(
  context: Context,
  name: string,
  { replace = false, epochAbove }: { readonly replace?: boolean; readonly epochAbove?: number },
): Promise<number> {
  const { dataDir, backupDir } = context.config();
  const seen = epochAbove ?? (await seenEpoch(context));
  const restored = await restoreBackup({
    backupDir,
    name,
    dataDir,
    replace,
    ...(seen === undefined ? {} : { epochAbove: seen }),
  });
  context.answer(restored, () =>
    [
      `restored ${name} as of commit ${restored.commitSequence}`,
      ...(restored.kept === undefined ? [] : [`the store from before is kept in ${restored.kept}`]),
      ...(restored.missing === 0 ? [] : [`${restored.missing} contents are missing in this backup`]),
      'next: npx filefleet verify --deep, then start the writer',
    ].join('\n'),
  );
  return exitCodes.ok.code;
}
