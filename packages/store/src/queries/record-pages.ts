// What is looked at page by page beside files and sessions: dead letters, quarantine, reminders of cleanups, the audit.

import type { Database } from 'better-sqlite3';
import { all } from '../statements.ts';
import { checkedLimit } from './bounds.ts';
import { decodeKey, encodeKey } from './cursors.ts';
import { type AuditEntry, parseDetails } from './history.ts';
import type { DeadLetter, PendingCleanup, QuarantinedJob } from './operations.ts';
import { prefixCondition } from './prefix.ts';

export interface RecordPageOptions {
  /** 1 to 500; 50 when left out. */
  readonly limit?: number;
  /** `nextCursor` of the page before, with the same filters. */
  readonly cursor?: string;
  /** Of sessions only whose id begins like this; what has no session is left out then. */
  readonly sessionPrefix?: string;
}

export interface RecordPage<Row> {
  readonly rows: readonly Row[];
  /** Only when there are more. */
  readonly nextCursor?: string;
}

/** Newest first. @throws StoreError CURSOR_INVALID, LIMIT_INVALID */
export function pageDeadLetters(
  db: Database,
  options: RecordPageOptions & { readonly code?: string; readonly vm?: string } = {},
): RecordPage<DeadLetter> {
  const { sessionPrefix = '', code, vm } = options;
  const list = `dead letters ${JSON.stringify([sessionPrefix, code ?? '', vm ?? ''])}`;
  const key = decodeKey(list, options.cursor, [Number.MAX_SAFE_INTEGER, '']);
  const range = prefixCondition('session_id', sessionPrefix);
  const sql = `SELECT operation_id AS operationId, name, vm, session_id AS sessionId, code, message, payload,
      refused_at_ms AS refusedAtMs
    FROM dead_letters WHERE (refused_at_ms, operation_id) < (?, ?) AND ${range.sql}
      AND coalesce(?, code) = code AND coalesce(?, vm) = vm
    ORDER BY refused_at_ms DESC, operation_id DESC LIMIT ?`;
  const limit = checkedLimit(options.limit);
  const rows = all<DeadLetter>(db, sql, ...key, ...range.values, code ?? null, vm ?? null, limit + 1);
  return cut(rows, limit, (last) => encodeKey(list, [last.refusedAtMs, last.operationId]));
}

/** Newest first. @throws StoreError CURSOR_INVALID, LIMIT_INVALID */
export function pageQuarantine(
  db: Database,
  options: Omit<RecordPageOptions, 'sessionPrefix'> = {},
): RecordPage<QuarantinedJob> {
  const list = 'quarantine';
  const key = decodeKey(list, options.cursor, [Number.MAX_SAFE_INTEGER]);
  const limit = checkedLimit(options.limit);
  const sql = `SELECT quarantine_id AS quarantineId, job_id AS jobId, name, code, reason, payload,
      quarantined_at_ms AS quarantinedAtMs
    FROM quarantine WHERE quarantine_id < ? ORDER BY quarantine_id DESC LIMIT ?`;
  const rows = all<QuarantinedJob>(db, sql, ...key, limit + 1);
  return cut(rows, limit, (last) => encodeKey(list, [last.quarantineId]));
}

/** Open reminders, soonest first, whenever they are due. @throws StoreError CURSOR_INVALID, LIMIT_INVALID */
export function pagePendingCleanups(
  db: Database,
  options: RecordPageOptions = {},
): RecordPage<PendingCleanup> {
  const { sessionPrefix = '' } = options;
  const list = `cleanups ${JSON.stringify(sessionPrefix)}`;
  const key = decodeKey(list, options.cursor, ['', 0]);
  const range = prefixCondition('q.session_id', sessionPrefix);
  const limit = checkedLimit(options.limit);
  const sql = `SELECT q.cleanup_id AS cleanupId, q.file_id AS fileId, q.session_id AS sessionId,
      f.original_filename AS filename, f.file_size AS size, q.cleanup_reason AS reason,
      q.scheduled_deletion_time AS scheduledAt
    FROM file_cleanup_queue q JOIN conversation_files f ON f.file_id = q.file_id
    WHERE q.is_processed = 0 AND (q.scheduled_deletion_time, q.cleanup_id) > (?, ?) AND ${range.sql}
    ORDER BY q.scheduled_deletion_time, q.cleanup_id LIMIT ?`;
  const rows = all<PendingCleanup>(db, sql, ...key, ...range.values, limit + 1);
  return cut(rows, limit, (last) => encodeKey(list, [last.scheduledAt, last.cleanupId]));
}

/** Newest first: of a file, also one that was purged. @throws StoreError CURSOR_INVALID, LIMIT_INVALID */
export function pageFileAudit(
  db: Database,
  fileId: string,
  options: RecordPageOptions = {},
): RecordPage<AuditEntry> {
  const { sessionPrefix = '' } = options;
  const list = `audit ${JSON.stringify([fileId, sessionPrefix])}`;
  const key = decodeKey(list, options.cursor, [Number.MAX_SAFE_INTEGER]);
  const range = prefixCondition('session_id', sessionPrefix);
  const limit = checkedLimit(options.limit);
  const sql = `SELECT audit_id AS auditId, at_ms AS atMs, action, operation_id AS operationId, session_id AS sessionId,
      file_id AS fileId, vm, actor, commit_sequence AS commitSequence, details
    FROM audit_entries WHERE file_id = ? AND audit_id < ? AND ${range.sql} ORDER BY audit_id DESC LIMIT ?`;
  type Row = Omit<AuditEntry, 'details'> & { details: string | null };
  const rows = all<Row>(db, sql, fileId, ...key, ...range.values, limit + 1);
  const entries = rows.map((row) => ({ ...row, details: parseDetails(row.details) }));
  return cut(entries, limit, (last) => encodeKey(list, [last.auditId]));
}

function cut<Row>(found: readonly Row[], limit: number, cursorOf: (last: Row) => string): RecordPage<Row> {
  const rows = found.slice(0, limit);
  const last = rows.at(-1);
  return found.length > limit && last ? { rows, nextCursor: cursorOf(last) } : { rows };
}
