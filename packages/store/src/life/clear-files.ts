// What maintenance does with one file: soft deletion and purge, each with its audit entry in the same transaction, 001's access
// log and cleanup queue kept in step.

import { insertAccessEntry } from '../audit.ts';
import { findFile, purgeFile, softDeleteFile } from '../file-rows.ts';
import { closeFileReminders } from '../sessions.ts';
import { one, run } from '../statements.ts';
import { auditSlice, type SliceMoment } from './moment.ts';

/** Why a file goes, for the audit. */
export interface Cause {
  readonly actor: string | null;
  readonly because: 'retention' | 'space_limit' | 'plan';
  /** The plan's id. */
  readonly operationId?: string;
  readonly vm?: string;
}

/** Deletes a file softly. @returns false when it is deleted already, or gone. */
export function clearSoftly(moment: SliceMoment, fileId: string, cause: Cause): boolean {
  const { db, nowMs } = moment;
  const file = findFile(db, fileId);
  if (!file || !softDeleteFile(db, fileId, nowMs)) return false;
  insertAccessEntry(db, { fileId, accessType: 'delete', accessedBy: cause.actor, atMs: nowMs });
  if (closeFileReminders(db, fileId, nowMs) === 0 && cause.because === 'space_limit')
    recordCleanup(moment, fileId, file.sessionId);
  const { because, ...who } = cause;
  const { sessionId } = file;
  auditSlice(moment, { ...who, action: 'file-delete', sessionId, fileId, details: { because } });
  return true;
}

/** The content that nobody names any more because of a purge: none, or one of so many bytes. */
export interface Freed {
  readonly blobs: 0 | 1;
  readonly bytes: number;
}

/** Removes a file's row for good. @returns undefined when it was gone. */
export function clearForGood(moment: SliceMoment, fileId: string, cause: Cause): Freed | undefined {
  const file = findFile(moment.db, fileId);
  if (!file) return undefined;
  purgeFile(moment.db, fileId);
  const { sessionId, filename, digest, size } = file;
  const { because, ...who } = cause;
  const details = { because, filename, digest, size };
  auditSlice(moment, { ...who, action: 'file-purge', sessionId, fileId, details });
  const sql = 'SELECT size FROM unreferenced_blobs WHERE digest = ?';
  const unreferenced = one<{ size: number }>(moment.db, sql, digest);
  return unreferenced ? { blobs: 1, bytes: unreferenced.size } : { blobs: 0, bytes: 0 };
}

/** 001's readers look for the reason there; nothing was scheduled, so the entry is made as it is done. */
function recordCleanup({ db, nowMs }: SliceMoment, fileId: string, sessionId: string): void {
  run(
    db,
    `INSERT INTO file_cleanup_queue (file_id, session_id, scheduled_deletion_time, cleanup_reason, is_processed, processed_at)
     VALUES (?, ?, datetime(? / 1000, 'unixepoch'), 'space_limit', 1, datetime(? / 1000, 'unixepoch'))`,
    fileId,
    sessionId,
    nowMs,
    nowMs,
  );
}
