// Sessions and their retention clock. The clock starts at session-end (D7); any applied operation reopens a
// session. Cleanup entries are reminders: what may go is decided from the session's state alone.

import type { Database } from 'better-sqlite3';
import { one, run } from './statements.ts';

/**
 * Notes activity: makes the session, or reopens it, gives back what the space limit took, and closes the reminders of its
 * end.
 */
export function touchSession(db: Database, sessionId: string, nowMs: number): void {
  const reopened = run(
    db,
    `UPDATE sessions SET state = 'live', ended_at_ms = NULL, cleaned_at_ms = NULL, ${untaken},
       last_activity_at_ms = max(last_activity_at_ms, ?)
     WHERE session_id = ? AND state = 'ended'`,
    nowMs,
    sessionId,
  );
  if (reopened > 0) closeReminders(db, sessionId, nowMs);
  run(
    db,
    `INSERT INTO sessions (session_id, state, first_activity_at_ms, last_activity_at_ms) VALUES (?, 'live', ?, ?)
     ON CONFLICT (session_id) DO UPDATE SET last_activity_at_ms = max(last_activity_at_ms, excluded.last_activity_at_ms)`,
    sessionId,
    nowMs,
    nowMs,
  );
}

/** Not taken by the space limit: with the span that it had of its own before. */
const untaken = `purge_after_ms = iif(taken_bytes IS NULL, purge_after_ms, untaken_purge_after_ms),
  untaken_purge_after_ms = NULL, taken_bytes = NULL`;

/** Starts the retention clock and leaves one reminder per file that is not deleted. Ending twice keeps the first end. */
export function endSession(db: Database, sessionId: string, nowMs: number): void {
  if (!markEnded(db, sessionId, nowMs)) return;
  closeReminders(db, sessionId, nowMs);
  remindOfEnd(db, sessionId);
}

/** The end alone, without reminders. @returns false when it had ended already. */
export function markEnded(db: Database, sessionId: string, nowMs: number): boolean {
  const ended = run(
    db,
    `INSERT INTO sessions (session_id, state, first_activity_at_ms, last_activity_at_ms, ended_at_ms)
     VALUES (?, 'ended', ?, ?, ?)
     ON CONFLICT (session_id) DO UPDATE SET state = 'ended', ended_at_ms = excluded.ended_at_ms WHERE state = 'live'`,
    sessionId,
    nowMs,
    nowMs,
    nowMs,
  );
  return ended > 0;
}

/** The day on which a file of an ended session is due; none while the session is held. */
const remindSql = `INSERT INTO file_cleanup_queue (file_id, session_id, scheduled_deletion_time, cleanup_reason)
  SELECT f.file_id, f.session_id,
         datetime((s.ended_at_ms + coalesce(s.soft_after_ms, p.soft_after_ms)) / 1000, 'unixepoch'), 'session_ended'
  FROM conversation_files f JOIN sessions s USING (session_id) JOIN retention_policy p
  WHERE f.is_deleted = 0 AND s.hold = 0 AND s.ended_at_ms IS NOT NULL`;

/** One reminder per file of an ended session that is not deleted. */
function remindOfEnd(db: Database, sessionId: string): void {
  run(db, `${remindSql} AND f.session_id = ?`, sessionId);
}

/** The reminder of one file, unless it has one. */
export function remindOfFile(db: Database, fileId: string): void {
  run(
    db,
    `${remindSql} AND f.file_id = ?
       AND NOT EXISTS (SELECT 1 FROM file_cleanup_queue q WHERE q.file_id = f.file_id AND +q.is_processed = 0)`,
    fileId,
  );
}

/**
 * Keeps a session for ever, or lets retention go on. What the space limit has taken is given back; files that are softly
 * deleted stay so.
 */
export function setHold(db: Database, sessionId: string, hold: boolean, nowMs: number): void {
  const wasHeld = isHeld(db, sessionId);
  run(
    db,
    `INSERT INTO sessions (session_id, state, first_activity_at_ms, last_activity_at_ms, hold) VALUES (?, 'live', ?, ?, ?)
     ON CONFLICT (session_id) DO UPDATE SET hold = excluded.hold`,
    sessionId,
    nowMs,
    nowMs,
    hold ? 1 : 0,
  );
  if (hold) {
    run(db, `UPDATE sessions SET ${untaken} WHERE session_id = ?`, sessionId);
    closeReminders(db, sessionId, nowMs);
  } else if (wasHeld) {
    remindOfEnd(db, sessionId);
  }
}

/** @returns whether a hold keeps the session. */
export function isHeld(db: Database, sessionId: string): boolean {
  return one(db, 'SELECT 1 FROM sessions WHERE session_id = ? AND hold = 1', sessionId) !== undefined;
}

/** Marks the open reminders of a session as done. */
export function closeReminders(db: Database, sessionId: string, nowMs: number): void {
  run(
    db,
    `UPDATE file_cleanup_queue SET is_processed = 1, processed_at = datetime(? / 1000, 'unixepoch')
     WHERE session_id = ? AND is_processed = 0`,
    nowMs,
    sessionId,
  );
}

/** The plus keeps SQLite from walking all open reminders of the store instead of the few of the file. */
export const closeFileRemindersSql = `UPDATE file_cleanup_queue SET is_processed = 1, processed_at = datetime(? / 1000, 'unixepoch')
  WHERE file_id = ? AND +is_processed = 0`;

/** Marks the open reminders of one file as done. @returns how many there were. */
export function closeFileReminders(db: Database, fileId: string, nowMs: number): number {
  return run(db, closeFileRemindersSql, nowMs, fileId);
}
