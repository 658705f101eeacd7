// What belongs to a file, and what happened to it: metadata, associations, 001's access log, the audit.

import type { Database } from 'better-sqlite3';
import { StoreError } from '../errors.ts';
import { all, one } from '../statements.ts';
import { checkedLimit } from './bounds.ts';

export interface Association {
  readonly sessionId: string;
  readonly messageId: string | null;
  readonly associationType: string;
  /** UTC, `YYYY-MM-DD HH:MM:SS`. */
  readonly associatedAt: string;
}

/** An entry of 001's log, kept for programs that read 001. The audit is the truth. */
export interface AccessEntry {
  readonly accessType: 'upload' | 'download' | 'view' | 'delete' | 'restore';
  readonly accessedBy: string | null;
  /** UTC, `YYYY-MM-DD HH:MM:SS`. */
  readonly accessedAt: string;
  /** Null when there is none; text that is no JSON comes as `{text}`. */
  readonly details: Readonly<Record<string, unknown>> | null;
}

export interface AuditEntry {
  readonly auditId: number;
  readonly atMs: number;
  /** The operation's name, such as `file-store`. */
  readonly action: string;
  /** Null for what was copied from 001's log. */
  readonly operationId: string | null;
  readonly sessionId: string | null;
  readonly fileId: string | null;
  readonly vm: string | null;
  readonly actor: string | null;
  /** 0 for what was copied from 001's log. */
  readonly commitSequence: number;
  readonly details: Readonly<Record<string, unknown>> | null;
}

export interface AuditOptions {
  readonly fileId?: string;
  readonly sessionId?: string;
  /** 1 to 500; 50 when left out. */
  readonly limit?: number;
}

/** @throws StoreError FILE_NOT_FOUND */
export function getMetadata(db: Database, fileId: string): Record<string, string> {
  requireFile(db, fileId);
  const sql = `SELECT metadata_key AS key, coalesce(metadata_value, '') AS value FROM file_metadata
    WHERE file_id = ? ORDER BY metadata_key`;
  const rows = all<{ key: string; value: string }>(db, sql, fileId);
  return Object.fromEntries(rows.map(({ key, value }) => [key, value]));
}

/** Oldest first. @throws StoreError FILE_NOT_FOUND */
export function listAssociations(db: Database, fileId: string): Association[] {
  requireFile(db, fileId);
  return all(
    db,
    `SELECT session_id AS sessionId, message_id AS messageId, association_type AS associationType,
            associated_at AS associatedAt
     FROM session_file_associations WHERE file_id = ? ORDER BY association_id`,
    fileId,
  );
}

/** Newest first, at most 500. @throws StoreError FILE_NOT_FOUND */
export function getAccessLog(db: Database, fileId: string, limit?: number): AccessEntry[] {
  const rows = checkedLimit(limit ?? 500);
  requireFile(db, fileId);
  const sql = `SELECT access_type AS accessType, accessed_by AS accessedBy, accessed_at AS accessedAt,
      access_metadata AS details
    FROM file_access_log WHERE file_id = ? ORDER BY accessed_at DESC, log_id DESC LIMIT ?`;
  return all<WithText<AccessEntry>>(db, sql, fileId, rows).map(withDetails);
}

/**
 * Audit entries, newest first: of a file (also one that was purged), of a session, or of everything.
 * @throws StoreError LIMIT_INVALID
 */
export function listAudit(db: Database, options: AuditOptions): AuditEntry[] {
  const conditions: string[] = [];
  const values: unknown[] = [];
  if (options.fileId !== undefined) {
    conditions.push('file_id = ?');
    values.push(options.fileId);
  }
  if (options.sessionId !== undefined) {
    conditions.push('session_id = ?');
    values.push(options.sessionId);
  }
  const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : '';
  const sql = `SELECT audit_id AS auditId, at_ms AS atMs, action, operation_id AS operationId,
      session_id AS sessionId, file_id AS fileId, vm, actor, commit_sequence AS commitSequence, details
    FROM audit_entries ${where} ORDER BY audit_id DESC LIMIT ?`;
  return all<WithText<AuditEntry>>(db, sql, ...values, checkedLimit(options.limit)).map(withDetails);
}

type WithText<Entry> = Omit<Entry, 'details'> & { details: string | null };

function withDetails<Entry extends { details: string | null }>(
  row: Entry,
): Omit<Entry, 'details'> & { details: Record<string, unknown> | null } {
  return { ...row, details: parseDetails(row.details) };
}

/** Other programs wrote 001's log too, so its text may be anything. */
export function parseDetails(text: string | null): Record<string, unknown> | null {
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : { text };
  } catch {
    return { text };
  }
}

function requireFile(db: Database, fileId: string): void {
  if (one(db, 'SELECT 1 FROM conversation_files WHERE file_id = ?', fileId)) return;
  throw fileNotFound(fileId);
}

export function fileNotFound(fileId: string): StoreError {
  return new StoreError(
    'FILE_NOT_FOUND',
    `expected a file with id ${JSON.stringify(fileId)}, got none; list its session, or its audit if it was purged`,
    { facts: { fileId } },
  );
}
