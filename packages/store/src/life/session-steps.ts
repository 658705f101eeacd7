// What retention does to a session as a whole: its end by a limit, the moment when none of its files is active any more,
// and its removal. Each with its audit entry and the event that tells people.

import { markEnded } from '../sessions.ts';
import { run } from '../statements.ts';
import { auditSlice, type SliceMoment } from './moment.ts';
import { hasFiles } from './session-files.ts';

/** Ends a live session because of a limit that the operator has set. */
export function endByLimit(moment: SliceMoment, sessionId: string, because: 'idle' | 'space'): void {
  markEnded(moment.db, sessionId, moment.nowMs);
  auditSlice(moment, { action: 'session-end', actor: 'retention', sessionId, details: { because } });
  moment.events.push({ event: 'session.ended', sessionId, because });
}

/** From now on none of its files is active, and the clock of the purge runs. */
export function noteCleaned(moment: SliceMoment, sessionId: string, files: number): void {
  const sql = 'UPDATE sessions SET cleaned_at_ms = ? WHERE session_id = ? AND cleaned_at_ms IS NULL';
  if (run(moment.db, sql, moment.nowMs, sessionId) === 0) return;
  auditSlice(moment, { action: 'session-cleaned', actor: 'retention', sessionId, details: { files } });
  moment.events.push({ event: 'session.cleaned', sessionId, files });
}

/** The row of a session whose files are gone, and its figures. One with an active file is cleaned first, all the same. */
export function removeSession(moment: SliceMoment, sessionId: string, files: number): void {
  const { db } = moment;
  if (hasFiles(db, sessionId, 'active')) {
    run(db, 'UPDATE sessions SET cleaned_at_ms = NULL WHERE session_id = ?', sessionId);
    return;
  }
  run(db, 'DELETE FROM sessions WHERE session_id = ?', sessionId);
  run(db, "DELETE FROM usage WHERE scope = 'session' AND name = ?", sessionId);
  auditSlice(moment, { action: 'session-purged', actor: 'retention', sessionId, details: { files } });
  moment.events.push({ event: 'session.purged', sessionId, files });
}
