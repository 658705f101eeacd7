// Sessions and their retention clock. The clock starts at session-end (D7); any applied operation reopens a
// session. Cleanup entries are reminders: what may go is decided from the session's state alone.

import type { Database } from 'better-sqlite3';
import { run } from './statements.ts';

/** How long files stay after their session ended, in milliseconds. */
export const retentionMs = 30 * 24 * 3_600_000;

/** Notes activity: makes the session, or reopens it and closes the reminders of its end. */
export function touchSession(db: Database, sessionId: string, nowMs: number): void {
  const reopened = run(
    db,
    `UPDATE sessions SET state = 'live', ended_at_ms = NULL, cleaned_at_ms = NULL,
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

/** Starts the retention clock and leaves one reminder per file that is not deleted. Ending twice keeps the first end. */
export function endSession(db: Database, sessionId: string, nowMs: number): void {
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
  if (ended === 0) return;
  closeReminders(db, sessionId, nowMs);
  run(
    db,
    `INSERT INTO file_cleanup_queue (file_id, session_id, scheduled_deletion_time, cleanup_reason)
     SELECT file_id, session_id, datetime(? / 1000, 'unixepoch'), 'session_ended'
     FROM conversation_files WHERE session_id = ? AND is_deleted = 0`,
    nowMs + retentionMs,
    sessionId,
  );
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

/** Marks the open reminders of one file as done. */
export function closeFileReminders(db: Database, fileId: string, nowMs: number): void {
  run(
    db,
    `UPDATE file_cleanup_queue SET is_processed = 1, processed_at = datetime(? / 1000, 'unixepoch')
     WHERE file_id = ? AND is_processed = 0`,
    nowMs,
    fileId,
  );
}
