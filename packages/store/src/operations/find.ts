// Finding the file that an operation names. A file of another session counts as not there: no session can
// change what another sees, nor learn from a refusal that it exists.

import type { Database } from 'better-sqlite3';
import { type FileRow, findFile } from '../file-rows.ts';
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

/** File ids are ids of operations; one may be taken by a file whose ledger row was pruned. @throws Refusal FILE_ID_TAKEN */
export function requireFreeFileId(db: Database, fileId: string): void {
  if (!findFile(db, fileId)) return;
  throw new Refusal('FILE_ID_TAKEN', `expected ${fileId} to be a new id, got one that a file has already`);
}
