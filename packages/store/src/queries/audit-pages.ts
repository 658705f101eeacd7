// The audit as a whole, newest first, with filters. There is no index over who did what: a call looks at a bounded number of
// entries, says how many, and where to go on. What was done to the fleet as a whole has an index of its own.

import type { Database } from 'better-sqlite3';
import { all, one } from '../statements.ts';
import { checkedLimit } from './bounds.ts';
import { decodeKey, encodeKey } from './cursors.ts';
import { type AuditEntry, parseDetails } from './history.ts';

/** Entries that one call looks at, at most. Callers that look at more call again. */
export const auditSliceRows = 1_000;

export interface AuditFilter {
  /** `fleet`: only what was done to no session and no file in particular: plans, backups, actions of people. */
  readonly about?: 'fleet';
  /** Exactly this name. */
  readonly actor?: string;
  /** Exactly this action; with a star at its end every one that begins so: `action-*`. */
  readonly action?: string;
  readonly vm?: string;
}

export interface AuditPageOptions extends AuditFilter {
  /** 1 to 500; 50 when left out. */
  readonly limit?: number;
  /** `nextCursor` of the call before, with the same filter. */
  readonly cursor?: string;
}

export interface AuditSlice {
  readonly entries: readonly AuditEntry[];
  /** Entries that this call looked at. */
  readonly scanned: number;
  /** Only when there are entries that nobody has looked at yet. */
  readonly nextCursor?: string;
}

/** @throws StoreError CURSOR_INVALID, LIMIT_INVALID */
export function pageAudit(db: Database, options: AuditPageOptions): AuditSlice {
  const { limit: wanted, cursor, about, actor, action, vm } = options;
  const part = about === 'fleet' ? 'session_id IS NULL AND file_id IS NULL AND' : '';
  const limit = checkedLimit(wanted);
  const list = `audit of all ${JSON.stringify([about ?? null, actor ?? null, action ?? null, vm ?? null])}`;
  const [before] = decodeKey(list, cursor, [Number.MAX_SAFE_INTEGER]);
  const slice = one<{ rows: number; last: number | null }>(
    db,
    `SELECT count(*) AS rows, min(audit_id) AS last FROM
       (SELECT audit_id FROM audit_entries WHERE ${part} audit_id < ? ORDER BY audit_id DESC LIMIT ${auditSliceRows})`,
    before,
  );
  const { rows = 0, last = null } = slice ?? {};
  if (last === null) return { entries: [], scanned: 0 };
  const beginning = action?.endsWith('*') ? action.slice(0, -1) : null;
  type Row = Omit<AuditEntry, 'details'> & { details: string | null };
  const found = all<Row>(
    db,
    `SELECT audit_id AS auditId, at_ms AS atMs, action, operation_id AS operationId, session_id AS sessionId,
       file_id AS fileId, vm, actor, commit_sequence AS commitSequence, details
     FROM audit_entries WHERE ${part} audit_id < ? AND audit_id >= ? AND (? IS NULL OR actor = ?) AND (? IS NULL OR vm = ?)
       AND (? IS NULL OR action = ?) AND (? IS NULL OR substr(action, 1, length(?)) = ?)
     ORDER BY audit_id DESC LIMIT ?`,
    before,
    last,
    ...[actor ?? null, actor ?? null, vm ?? null, vm ?? null],
    ...(beginning === null ? [action ?? null, action ?? null] : [null, null]),
    ...[beginning, beginning, beginning],
    limit,
  );
  const entries = found.map((row) => ({ ...row, details: parseDetails(row.details) }));
  const end = found.length === limit ? (found.at(-1)?.auditId ?? last) : last;
  const isAll = end === last && rows < auditSliceRows;
  const scanned = end === last ? rows : (scannedDownTo(db, part, before, end) ?? rows);
  return isAll ? { entries, scanned } : { entries, scanned, nextCursor: encodeKey(list, [end]) };
}

function scannedDownTo(db: Database, part: string, before: number, end: number): number | undefined {
  const sql = `SELECT count(*) AS rows FROM audit_entries WHERE ${part} audit_id < ? AND audit_id >= ?`;
  return one<{ rows: number }>(db, sql, before, end)?.rows;
}
