// session-end starts the retention clock; session-cleanup deletes or purges all files of one session at once, and
// session-restore brings the deleted ones back.

import { listFileIds, purgeFile } from '../file-rows.ts';
import { closeReminders, endSession as endSessionRow } from '../sessions.ts';
import { softDelete, undelete } from './file-change.ts';
import { assertNotHeld } from './find.ts';
import { audit, type Handler } from './turn.ts';

export const endSession: Handler<'session-end'> = (payload, turn) => {
  endSessionRow(turn.db, payload.sessionId, turn.nowMs);
  audit(turn, null);
  return {};
};

/** All files that are softly deleted come back, whoever deleted them: name, metadata and associations never went. */
export const restoreSession: Handler<'session-restore'> = (payload, turn) => {
  let files = 0;
  for (const { fileId, isDeleted } of listFileIds(turn.db, payload.sessionId)) {
    if (isDeleted === 0 || !undelete(turn, fileId)) continue;
    audit(turn, fileId);
    files += 1;
  }
  audit(turn, null, { files });
  return { files };
};

export const cleanupSession: Handler<'session-cleanup'> = (payload, turn) => {
  const { db } = turn;
  if (payload.mode === 'hard') assertNotHeld(db, payload.sessionId);
  let files = 0;
  for (const { fileId, isDeleted } of listFileIds(db, payload.sessionId)) {
    if (payload.mode === 'soft' && isDeleted === 1) continue;
    if (payload.mode === 'soft') softDelete(turn, fileId);
    else purgeFile(db, fileId);
    audit(turn, fileId, { mode: payload.mode });
    files += 1;
  }
  closeReminders(db, payload.sessionId, turn.nowMs);
  audit(turn, null, { mode: payload.mode, files, ...(payload.reason ? { reason: payload.reason } : {}) });
  return { files };
};
