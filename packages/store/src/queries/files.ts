// Conversation files as readers see them: one by its id, and a session's page by page, newest first.

import type { Database } from 'better-sqlite3';
import { all, one } from '../statements.ts';
import { checkedLimit, decodeCursor, encodeCursor } from './bounds.ts';

/** What the store knows of one file. Times are milliseconds since 1970. */
export interface FileFacts {
  readonly fileId: string;
  readonly sessionId: string;
  /** The name that its uploader gave it: text, never a path. */
  readonly filename: string;
  /** SHA-256 of its bytes, 64 lower-case hex digits. */
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  /** Sniffed from the bytes; null when they say nothing. */
  readonly mimeType: string | null;
  /** What the producer believed. */
  readonly declaredMimeType: string | null;
  readonly uploadedBy: string | null;
  /** Null for files adopted from a single-machine installation. */
  readonly vm: string | null;
  readonly uploadedAtMs: number;
  readonly isDeleted: boolean;
  readonly deletedAtMs: number | null;
  /** The file that this one was copied, linked or split from. */
  readonly originFileId: string | null;
  /** Messages of its session that it is joined to, in the order of joining. */
  readonly messageIds: readonly string[];
}

export interface FilePageOptions {
  /** 1 to 500; 50 when left out. */
  readonly limit?: number;
  /** `nextCursor` of the page before. */
  readonly cursor?: string;
  readonly includeDeleted?: boolean;
}

export interface FilePage {
  readonly files: readonly FileFacts[];
  /** Only when there are more. */
  readonly nextCursor?: string;
}

type Row = Omit<FileFacts, 'isDeleted' | 'messageIds'> & { isDeleted: 0 | 1; messageIds: string };

const columns = `f.file_id AS fileId, f.session_id AS sessionId, f.original_filename AS filename,
  f.file_hash AS digest, f.file_size AS size, f.mime_type AS mimeType, f.declared_mime_type AS declaredMimeType,
  f.uploaded_by AS uploadedBy, f.vm, f.uploaded_at_ms AS uploadedAtMs, f.is_deleted AS isDeleted,
  f.deleted_at_ms AS deletedAtMs, f.origin_file_id AS originFileId,
  (SELECT json_group_array(m.message_id) FROM (SELECT a.message_id FROM session_file_associations a
    WHERE a.file_id = f.file_id AND a.message_id IS NOT NULL ORDER BY a.association_id) m) AS messageIds`;

/** @returns undefined when no file has this id (any more). */
export function findFileFacts(db: Database, fileId: string): FileFacts | undefined {
  const row = one<Row>(db, `SELECT ${columns} FROM conversation_files f WHERE f.file_id = ?`, fileId);
  return row && toFacts(row);
}

/**
 * One page of a session's files, newest first. A session that nobody knows has an empty page.
 * @throws StoreError CURSOR_INVALID, LIMIT_INVALID
 */
export function listSessionFiles(db: Database, sessionId: string, options: FilePageOptions = {}): FilePage {
  const limit = checkedLimit(options.limit);
  const after = options.cursor === undefined ? beforeEverything : decodeCursor(options.cursor, sessionId);
  const key = [sessionId, after.uploadedAtMs, after.fileId];
  const rows = options.includeDeleted
    ? all<Row>(db, pageSqlWithDeleted, ...key, ...key, limit + 1)
    : all<Row>(db, pageSql, ...key, limit + 1);
  const files = rows.slice(0, limit).map(toFacts);
  const last = files.at(-1);
  return rows.length > limit && last ? { files, nextCursor: encodeCursor(last) } : { files };
}

/** Newest first: every key is smaller than this one. */
const beforeEverything = { uploadedAtMs: Number.MAX_SAFE_INTEGER, fileId: '' };

// The state is written out, not bound: then the index gives the order, and nothing is sorted.
const pageOf = (state: 'is_deleted = 0' | 'is_deleted = 1') => `SELECT ${columns} FROM conversation_files f
  WHERE f.session_id = ? AND f.${state} AND (f.uploaded_at_ms, f.file_id) < (?, ?)`;
const newestFirst = 'ORDER BY uploadedAtMs DESC, fileId DESC LIMIT ?';

export const pageSql = `${pageOf('is_deleted = 0')} ${newestFirst}`;
/** Two ordered walks over the index, merged. */
export const pageSqlWithDeleted = `${pageOf('is_deleted = 0')} UNION ALL ${pageOf('is_deleted = 1')} ${newestFirst}`;

function toFacts(row: Row): FileFacts {
  return { ...row, isDeleted: row.isDeleted === 1, messageIds: JSON.parse(row.messageIds) as string[] };
}
