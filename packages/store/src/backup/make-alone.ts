// A backup without a writer: whoever asks for it takes the writer's lock for that long. And what the writer noted about its own.

import { systemClock } from '../clock.ts';
import { openReadConnection } from '../connection.ts';
import { databasePath } from '../data-dir.ts';
import { inspectDatabase } from '../inspection.ts';
import { acquireWriterLock } from '../lock.ts';
import { loadMigrations } from '../migrations.ts';
import { backupDatabase } from './copy-database.ts';
import { type MadeBackup, type MakeBackupOptions, makeBackup } from './make-backup.ts';
import { assertSwitched } from './marker.ts';

/**
 * Makes a backup while no writer runs. The database is left as it is, at its version.
 * @throws StoreError LOCK_HELD, NOT_INITIALIZED, RESTORE_UNFINISHED, as `makeBackup` says, and what looking at a database can raise
 */
export async function makeBackupAlone(options: Omit<MakeBackupOptions, 'copyDatabase'>): Promise<MadeBackup> {
  const { dataDir, clock = systemClock } = options;
  const lock = acquireWriterLock(dataDir, 'backup create', clock);
  try {
    assertSwitched(dataDir);
    inspectDatabase(databasePath(dataDir), loadMigrations());
    const db = openReadConnection(databasePath(dataDir)); // nobody writes, so any connection will do
    try {
      return await makeBackup({ ...options, copyDatabase: (path) => backupDatabase(db, path) });
    } finally {
      db.close();
    }
  } finally {
    lock.release();
  }
}

export interface BackupRun {
  /** Milliseconds since 1970. */
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  /** What the writer noted, as JSON says it. */
  readonly result: Readonly<Record<string, unknown>>;
}

/** The last backup that the writer finished, well or not; undefined when there was none. @throws StoreError NOT_INITIALIZED */
export function lastBackupRun(dataDir: string): BackupRun | undefined {
  const db = openReadConnection(databasePath(dataDir));
  try {
    const sql = `SELECT last_started_at_ms AS startedAtMs, last_finished_at_ms AS finishedAtMs, last_result AS result
      FROM maintenance WHERE task = 'backup' AND last_finished_at_ms IS NOT NULL`;
    const row = db.prepare<[], Record<'startedAtMs' | 'finishedAtMs', number> & { result: string | null }>(
      sql,
    );
    const run = row.get();
    if (!run) return undefined;
    return { ...run, result: run.result === null ? {} : (JSON.parse(run.result) as Record<string, unknown>) };
  } finally {
    db.close();
  }
}
