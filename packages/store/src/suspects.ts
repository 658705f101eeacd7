// Jobs that may have killed a writer. What was under way at two ends in a row that no writer announced is suspected; a
// suspect runs alone, noted before it starts, so that a further crash has one culprit. One crash alone suspects nobody: the
// usual reason is outside (kill -9, power), and running hundreds of innocent jobs one by one would make recovery slow.

import type { Database } from 'better-sqlite3';
import { all, one, run } from './statements.ts';

export interface Suspect {
  readonly jobId: string;
  /** How often a writer ended while this job ran alone. */
  readonly soloCrashes: number;
}

/** After this many crashes alone a job goes to quarantine instead of being run again. */
export const soloCrashBudget = 3;

/** Being under way at this many crashes in a row makes a suspect. */
const crowdCrashBudget = 2;

/**
 * Notes what was under way when the writer before this one ended.
 * @param activeJobIds jobs that BullMQ still counts as active, before they are taken back.
 * @returns those that must run alone.
 */
export function noteSuspects(
  db: Database,
  activeJobIds: readonly string[],
  epoch: number,
  nowMs: number,
): readonly Suspect[] {
  if (endedCleanly(db, epoch)) {
    run(db, 'DELETE FROM suspects');
    return [];
  }
  run(db, 'UPDATE suspects SET solo_crashes = solo_crashes + 1 WHERE runs_alone = 1');
  run(db, 'UPDATE suspects SET runs_alone = 0');
  const active = JSON.stringify(activeJobIds);
  run(db, 'DELETE FROM suspects WHERE job_id NOT IN (SELECT value FROM json_each(?))', active);
  run(
    db,
    `INSERT INTO suspects (job_id, suspected_at_ms) SELECT DISTINCT value, ? FROM json_each(?) WHERE true
     ON CONFLICT DO UPDATE SET crashes = crashes + 1`,
    nowMs,
    active,
  );
  const sql = 'SELECT job_id AS jobId, solo_crashes AS soloCrashes FROM suspects WHERE crashes >= ?';
  return all<Suspect>(db, sql, crowdCrashBudget);
}

/**
 * Notes that a suspect runs alone, and clears those that were settled since, in one turn.
 * @param jobId undefined: nobody is left, only clear.
 */
export function beginSolo(db: Database, jobId: string | undefined, cleared: readonly string[]): void {
  for (const settled of cleared) run(db, 'DELETE FROM suspects WHERE job_id = ?', settled);
  if (jobId !== undefined) run(db, 'UPDATE suspects SET runs_alone = 1 WHERE job_id = ?', jobId);
}

/** Whether the tenure before this one noted its end. */
function endedCleanly(db: Database, epoch: number): boolean {
  const sql =
    'SELECT stopped_at_ms AS stoppedAtMs FROM writer_epochs WHERE epoch < ? ORDER BY epoch DESC LIMIT 1';
  const before = one<{ stoppedAtMs: number | null }>(db, sql, epoch);
  return before === undefined || before.stoppedAtMs !== null;
}
