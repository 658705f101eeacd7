// What a database that comes back from a backup has to be told: a new tenure above all that were ever seen, and that the time
// in which it lay in the backup was no time of its sessions.

import { readdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { insertAuditEntry } from '../audit.ts';
import { blobFolders, blobsDir, quarantineDir, tmpDir } from '../data-dir.ts';
import { unlessAbsent } from '../errno.ts';
import { run } from '../statements.ts';
import { storeIdVersion, takeStoreId } from '../store-id.ts';
import { poolDir } from './layout.ts';
import type { Manifest } from './manifest.ts';

/** The highest epoch that anything tells of: names of files hold it, so that no later writer makes one of these names again. */
export async function highestEpoch(
  { dataDir, backupDir, epochAbove = 0 }: { dataDir: string; backupDir: string; epochAbove?: number },
  ...known: readonly number[]
): Promise<number> {
  let highest = Math.max(epochAbove, ...known);
  for (const root of [blobsDir(dataDir), poolDir(backupDir)]) {
    for (const folder of blobFolders) highest = Math.max(highest, await highestIn(join(root, folder)));
  }
  return Math.max(highest, await highestIn(tmpDir(dataDir)), await highestIn(quarantineDir(dataDir)));
}

async function highestIn(folder: string): Promise<number> {
  let highest = 0;
  for (const name of (await unlessAbsent(readdir(folder))) ?? []) {
    const epoch = Number(/(?:^|\.)(\d+)-\d+$/.exec(name)?.[1] ?? 0);
    if (Number.isSafeInteger(epoch)) highest = Math.max(highest, epoch);
  }
  return highest;
}

export interface NewBeginning {
  readonly epoch: number;
  /** Last commit of the store that is replaced: no number is given to two commits. */
  readonly commitSequence: number;
  /** Its id, for a backup from before stores had ids. */
  readonly storeId: string | undefined;
  readonly name: string;
  readonly manifest: Manifest;
  readonly nowMs: number;
}

/** In a transaction of its caller, at the newest schema. */
export function beginAgain(db: Database, beginning: NewBeginning): void {
  const { epoch, commitSequence, storeId, name, manifest, nowMs } = beginning;
  const tenure =
    'INSERT INTO writer_epochs (epoch, holder, pid, started_at_ms, stopped_at_ms) VALUES (?, ?, ?, ?, ?)';
  run(db, tenure, epoch, `${hostname()} (restore)`, process.pid, nowMs, nowMs);
  run(db, 'UPDATE commit_state SET commit_sequence = max(commit_sequence, ?) WHERE id = 1', commitSequence);
  if (storeId !== undefined && manifest.schemaVersion < storeIdVersion) takeStoreId(db, storeId);
  // What was about to be applied when the backup was made is not what somebody who restores it wants.
  run(
    db,
    "UPDATE plans SET state = 'expired', finished_at_ms = ? WHERE state NOT IN ('applied', 'stale', 'expired')",
    nowMs,
  );
  // The copy was made while its own backup was under way: nobody asks for another one.
  run(db, "UPDATE maintenance SET due_at_ms = NULL WHERE task = 'backup'");
  shiftClocks(db, Math.max(0, nowMs - Date.parse(manifest.createdAt)));
  const details = {
    backup: name,
    commitSequence: manifest.commitSequence,
    auditId: manifest.audit.auditId,
    missing: manifest.missing.length,
  };
  const nobody = { operationId: null, sessionId: null, fileId: null, vm: null, actor: null };
  insertAuditEntry(
    db,
    { ...nobody, action: 'store-restore', details },
    nowMs,
    Math.max(commitSequence, manifest.commitSequence),
  );
}

/** Else retention would take at once what became due while it lay there: often the very thing that somebody wants back. */
function shiftClocks(db: Database, spanMs: number): void {
  run(
    db,
    `UPDATE sessions SET last_activity_at_ms = last_activity_at_ms + @spanMs, ended_at_ms = ended_at_ms + @spanMs,
       cleaned_at_ms = cleaned_at_ms + @spanMs`,
    { spanMs },
  );
  run(db, 'UPDATE unreferenced_blobs SET since_ms = since_ms + ?', spanMs);
}
