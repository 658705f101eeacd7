// What was written while the clock was behind looks older than it is. When the writer has seen its clock move, retention does
// nothing before every session that the audit names since then waits anew, from a moment at which the clock was trusted.

import type { Database } from 'better-sqlite3';
import { all, one, run } from '../statements.ts';
import { auditSlice, type SliceMoment } from './moment.ts';
import { sessionsAfter } from './session-files.ts';
import { loadCursor, saveCursor } from './walk.ts';

interface Postponement {
  /** Number of the last audit entry that needs no look, or has had it. */
  after: number;
  /** From when they wait, in milliseconds since 1970: the moment of the first slice. */
  toMs?: number;
  /** With all sessions: the last one that was seen to. */
  sessionId?: string;
  sessions: number;
}

const task = 'retention-postpone';

/** Has retention begin with it; from the start when it is under way. @param sinceAuditId entries after this one are in doubt. */
export function notePostponement({ db, budget }: SliceMoment, sinceAuditId: number): boolean {
  budget.take();
  const after = Math.min(sinceAuditId, loadCursor<Postponement>(db, task)?.after ?? sinceAuditId);
  saveCursor(db, task, { after, sessions: 0 } satisfies Postponement);
  return false;
}

/** @returns whether there was anything to do: then retention waits for the next slice. */
export function postponeSessions(moment: SliceMoment): boolean {
  const { db, nowMs, events } = moment;
  const found = loadCursor<Postponement>(db, task);
  if (!found) return false;
  const work = { ...found, toMs: found.toMs ?? nowMs };
  // Nobody knows whom the pruned entries named: then all of them wait.
  if (prunedThrough(db) > work.after) work.sessionId ??= '';
  const isDone = work.sessionId === undefined ? postponeNamed(moment, work) : postponeAll(moment, work);
  saveCursor(db, task, isDone ? undefined : work);
  if (isDone && work.sessions > 0) events.push({ event: 'sessions.postponed', sessions: work.sessions });
  return true;
}

type Work = Postponement & { readonly toMs: number };

interface Named {
  readonly auditId: number;
  readonly sessionId: string | null;
  /** Where a file was linked or copied to. */
  readonly toSessionId: string | null;
}

/** @returns false when the slice is over before the end of the audit. */
function postponeNamed(moment: SliceMoment, work: Work): boolean {
  const sql = `SELECT audit_id AS auditId, session_id AS sessionId, details ->> '$.toSessionId' AS toSessionId
    FROM audit_entries WHERE audit_id > ? ORDER BY audit_id LIMIT ?`;
  for (;;) {
    const entries = all<Named>(moment.db, sql, work.after, moment.budget.left);
    if (entries.length === 0) return true;
    for (const { auditId, sessionId, toSessionId } of entries) {
      if (!moment.budget.take()) return false;
      for (const id of [sessionId, toSessionId]) if (id !== null) postpone(moment, id, work);
      work.after = auditId;
    }
  }
}

/** @returns false when the slice is over before the last session. */
function postponeAll(moment: SliceMoment, work: Work): boolean {
  for (;;) {
    const sessions = sessionsAfter(moment.db, work.sessionId ?? '', moment.budget.left);
    if (sessions.length === 0) return true;
    for (const { sessionId } of sessions) {
      if (!moment.budget.take()) return false;
      postpone(moment, sessionId, work);
      work.sessionId = sessionId;
    }
  }
}

/** Never makes anything earlier. The entry names the session once more, for the day on which this clock is doubted, too. */
function postpone(moment: SliceMoment, sessionId: string, work: Work): void {
  const { toMs } = work;
  const changed = run(
    moment.db,
    `UPDATE sessions SET last_activity_at_ms = max(last_activity_at_ms, ?), ended_at_ms = max(ended_at_ms, ?),
       cleaned_at_ms = max(cleaned_at_ms, ?)
     WHERE session_id = ? AND min(last_activity_at_ms, coalesce(ended_at_ms, ?), coalesce(cleaned_at_ms, ?)) < ?`,
    ...[toMs, toMs, toMs, sessionId, toMs, toMs, toMs],
  );
  if (changed === 0) return;
  work.sessions += 1;
  const details = { because: 'clock', toMs };
  auditSlice(moment, { action: 'session-postponed', actor: 'retention', sessionId, details });
}

function prunedThrough(db: Database): number {
  const sql = 'SELECT pruned_through AS through FROM audit_state WHERE id = 1';
  return one<{ through: number }>(db, sql)?.through ?? 0;
}
