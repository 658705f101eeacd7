// Finding the file that an operation names. A file of another session counts as not there: no session can
// change what another sees, nor learn from a refusal that it exists.

import type { Database } from 'better-sqlite3';
import { type FileRow, findFile, insertFile, type NewFile } from '../file-rows.ts';
import { isHeld } from '../sessions.ts';
import { sqliteCode } from '../sqlite-errors.ts';
import { Refusal } from './turn.ts';

/** @throws Refusal FILE_NOT_FOUND */
export function requireFile(db: Database, sessionId: string, fileId: string): FileRow {
  const file = findFile(db, fileId);
  if (file && file.sessionId === sessionId) return file;
  throw new Refusal('FILE_NOT_FOUND', `expected fileId to be a file of the session, got ${fileId}`);
}

/** @throws Refusal FILE_NOT_FOUND, FILE_DELETED */
export function requireActiveFile(db: Database, sessionId: string, fileId: string): FileRow {
  const file = requireFile(db, sessionId, fileId);
  if (file.isDeleted === 0) return file;
  throw new Refusal(
    'FILE_DELETED',
    `expected file ${fileId} to be active, got a deleted one; restore it first`,
  );
}

/** A held session keeps its files for ever: they may be deleted, as that can be taken back, but not purged. @throws Refusal SESSION_HELD */
export function assertNotHeld(db: Database, sessionId: string): void {
  if (!isHeld(db, sessionId)) return;
  throw new Refusal('SESSION_HELD', 'expected the session not to be held; release the hold first');
}

/**
 * Inserts the row of a new file. File ids are ids of operations; one may be taken by a file whose ledger row was pruned.
 * The keys over file id and stored name (the same) tell: asking first would cost a look-up per file.
 * @throws Refusal FILE_ID_TAKEN
 */
export function insertNewFile(db: Database, file: NewFile): void {
  try {
    insertFile(db, file);
  } catch (error) {
    if (!/^SQLITE_CONSTRAINT_(PRIMARYKEY|UNIQUE)$/.test(sqliteCode(error) ?? '')) throw error;
    throw new Refusal(
      'FILE_ID_TAKEN',
      `expected ${file.fileId} to be a new id, got one that a file has already`,
    );
  }
}
