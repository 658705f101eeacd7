// Rows of conversation files: one named file in one session, with its metadata and associations.

import type { Database } from 'better-sqlite3';
import { all, one, run } from './statements.ts';

export interface FileRow {
  readonly fileId: string;
  readonly sessionId: string;
  readonly filename: string;
  readonly path: string;
  readonly size: number;
  readonly digest: string;
  readonly mimeType: string | null;
  readonly declaredMimeType: string | null;
  readonly isDeleted: 0 | 1;
}

export interface NewFile extends Omit<FileRow, 'isDeleted'> {
  readonly uploadedBy: string | null;
  readonly vm: string;
  readonly uploadedAtMs: number;
  readonly originFileId: string | null;
}

export function findFile(db: Database, fileId: string): FileRow | undefined {
  return one<FileRow>(
    db,
    `SELECT file_id AS fileId, session_id AS sessionId, original_filename AS filename, file_path AS path,
            file_size AS size, file_hash AS digest, mime_type AS mimeType,
            declared_mime_type AS declaredMimeType, is_deleted AS isDeleted
     FROM conversation_files WHERE file_id = ?`,
    fileId,
  );
}

/** The trigger of 001 adds the 'upload' entry to the access log. */
export function insertFile(db: Database, file: NewFile): void {
  run(
    db,
    `INSERT INTO conversation_files (file_id, session_id, original_filename, stored_filename, file_path, file_size,
       file_hash, mime_type, uploaded_at, uploaded_by, vm, uploaded_at_ms, declared_mime_type, origin_file_id)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, datetime(? / 1000, 'unixepoch'), ?, ?, ?, ?, ?)`,
    file.fileId,
    file.sessionId,
    file.filename,
    file.fileId,
    file.path,
    file.size,
    file.digest,
    file.mimeType,
    file.uploadedAtMs,
    file.uploadedBy,
    file.vm,
    file.uploadedAtMs,
    file.declaredMimeType,
    file.originFileId,
  );
}

export function renameFile(db: Database, fileId: string, filename: string): void {
  const sql =
    'UPDATE conversation_files SET original_filename = ?, row_version = row_version + 1 WHERE file_id = ?';
  run(db, sql, filename, fileId);
}

/** @returns false when the file was deleted already. */
export function softDeleteFile(db: Database, fileId: string, nowMs: number): boolean {
  const changes = run(
    db,
    `UPDATE conversation_files SET is_deleted = 1, deleted_at_ms = ?, row_version = row_version + 1
     WHERE file_id = ? AND is_deleted = 0`,
    nowMs,
    fileId,
  );
  return changes > 0;
}

/** @returns false when the file was not deleted. */
export function restoreFile(db: Database, fileId: string): boolean {
  const changes = run(
    db,
    `UPDATE conversation_files SET is_deleted = 0, deleted_at = NULL, deleted_at_ms = NULL, row_version = row_version + 1
     WHERE file_id = ? AND is_deleted = 1`,
    fileId,
  );
  return changes > 0;
}

/** Removes the row for good; metadata, associations and 001's log go with it, the audit and the blob stay. */
export function purgeFile(db: Database, fileId: string): void {
  run(db, 'DELETE FROM conversation_files WHERE file_id = ?', fileId);
}

export function listFileIds(db: Database, sessionId: string): { fileId: string; isDeleted: 0 | 1 }[] {
  const sql =
    'SELECT file_id AS fileId, is_deleted AS isDeleted FROM conversation_files WHERE session_id = ?';
  return all(db, sql, sessionId);
}

/** Sets entries; a null value removes its entry. Of a file that was there before, the search's index has to hear: `noteForSearch`. */
export function setMetadata(db: Database, fileId: string, entries: Record<string, string | null>): void {
  for (const [key, value] of Object.entries(entries)) {
    if (value === null) {
      run(db, 'DELETE FROM file_metadata WHERE file_id = ? AND metadata_key = ?', fileId, key);
      continue;
    }
    run(
      db,
      `INSERT INTO file_metadata (file_id, metadata_key, metadata_value) VALUES (?, ?, ?)
       ON CONFLICT (file_id, metadata_key) DO UPDATE SET metadata_value = excluded.metadata_value`,
      fileId,
      key,
      value,
    );
  }
}

/** Number of entries and bytes of a file's metadata, for the limits that hold after a change. */
export function measureMetadata(db: Database, fileId: string): { entries: number; bytes: number } {
  const sql = `SELECT count(*) AS entries,
      coalesce(sum(length(CAST(metadata_key AS BLOB)) + length(CAST(coalesce(metadata_value, '') AS BLOB))), 0) AS bytes
    FROM file_metadata WHERE file_id = ?`;
  return one(db, sql, fileId) ?? { entries: 0, bytes: 0 };
}

export function copyMetadata(db: Database, fromFileId: string, toFileId: string): void {
  run(
    db,
    `INSERT INTO file_metadata (file_id, metadata_key, metadata_value)
     SELECT ?, metadata_key, metadata_value FROM file_metadata WHERE file_id = ?`,
    toFileId,
    fromFileId,
  );
}

/** Joins a file to a message of its session. Doing it twice leaves one association (D8). */
export function associateFile(
  db: Database,
  association: { sessionId: string; fileId: string; type: string; messageId: string | null; atMs: number },
): void {
  run(
    db,
    `INSERT INTO session_file_associations (session_id, file_id, association_type, message_id, associated_at)
     VALUES (?, ?, ?, ?, datetime(? / 1000, 'unixepoch')) ON CONFLICT DO NOTHING`,
    association.sessionId,
    association.fileId,
    association.type,
    association.messageId,
    association.atMs,
  );
}
