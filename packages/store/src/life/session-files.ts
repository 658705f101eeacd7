// A session's row as retention sees it, and its files in the order of the page index, from one key to the next.

import type { Database } from 'better-sqlite3';
import { all, one } from '../statements.ts';
import type { SessionLife } from './fate.ts';

export interface SessionRow extends SessionLife {
  readonly sessionId: string;
  /** Taken by the space limit: bytes that go with it. */
  readonly takenBytes: number | null;
}

type Raw = Omit<SessionRow, 'hold'> & { hold: 0 | 1 };

const columns = `session_id AS sessionId, state, hold, last_activity_at_ms AS lastActivityAtMs, ended_at_ms AS endedAtMs,
  cleaned_at_ms AS cleanedAtMs, soft_after_ms AS softAfterMs, purge_after_ms AS purgeAfterMs, taken_bytes AS takenBytes`;

const toRow = (raw: Raw): SessionRow => ({ ...raw, hold: raw.hold === 1 });

export function findSessionRow(db: Database, sessionId: string): SessionRow | undefined {
  const raw = one<Raw>(db, `SELECT ${columns} FROM sessions WHERE session_id = ?`, sessionId);
  return raw && toRow(raw);
}

/** Sessions after one, in the order of their ids. */
export function sessionsAfter(db: Database, sessionId: string, limit: number): SessionRow[] {
  const sql = `SELECT ${columns} FROM sessions WHERE session_id > ? ORDER BY session_id LIMIT ?`;
  return all<Raw>(db, sql, sessionId, limit).map(toRow);
}

/** Which of a session's files. */
export type FileState = 'active' | 'deleted';

/** Place of a file among those of its session and state. */
export interface FileKey {
  readonly uploadedAtMs: number;
  readonly fileId: string;
}

export const beforeAllFiles: FileKey = { uploadedAtMs: -1, fileId: '' };

export interface LifeFile extends FileKey {
  readonly rowVersion: number;
  readonly digest: string;
  readonly size: number;
}

/** Files of a session after a key. */
export function filesAfter(
  db: Database,
  sessionId: string,
  state: FileState,
  after: FileKey,
  limit: number,
): LifeFile[] {
  return all<LifeFile>(
    db,
    `SELECT file_id AS fileId, uploaded_at_ms AS uploadedAtMs, row_version AS rowVersion, file_hash AS digest,
            file_size AS size
     FROM conversation_files
     WHERE session_id = ? AND is_deleted = ? AND (uploaded_at_ms, file_id) > (?, ?)
     ORDER BY uploaded_at_ms, file_id LIMIT ?`,
    sessionId,
    stored(state),
    after.uploadedAtMs,
    after.fileId,
    limit,
  );
}

export function hasFiles(db: Database, sessionId: string, state: FileState): boolean {
  const sql = 'SELECT 1 FROM conversation_files WHERE session_id = ? AND is_deleted = ? LIMIT 1';
  return one(db, sql, sessionId, stored(state)) !== undefined;
}

const stored = (state: FileState): 0 | 1 => (state === 'deleted' ? 1 : 0);
