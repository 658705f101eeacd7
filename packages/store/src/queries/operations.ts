// What became of operations: receipts from the ledger, refused ones, unreadable jobs, and reminders of cleanups.

import { parseAnswer, type Receipt } from '@filefleet/protocol';
import type { Database } from 'better-sqlite3';
import { all, one } from '../statements.ts';
import { checkedLimit } from './bounds.ts';

export interface DeadLetter {
  readonly operationId: string;
  readonly name: string;
  readonly vm: string;
  readonly sessionId: string | null;
  readonly code: string;
  readonly message: string | null;
  /** The operation's payload as JSON. */
  readonly payload: string;
  readonly refusedAtMs: number;
}

export interface QuarantinedJob {
  readonly quarantineId: number;
  readonly jobId: string;
  readonly name: string;
  readonly code: string;
  readonly reason: string;
  /** What the job carried, as text; it may be no JSON. */
  readonly payload: string;
  readonly quarantinedAtMs: number;
}

export interface PendingCleanup {
  readonly cleanupId: number;
  readonly fileId: string;
  readonly sessionId: string;
  readonly filename: string;
  readonly size: number;
  readonly reason: string;
  /** UTC, `YYYY-MM-DD HH:MM:SS`. */
  readonly scheduledAt: string;
}

/** @returns the receipt as it was committed, or undefined when the ledger has none (any more). */
export function findReceipt(db: Database, operationId: string): Receipt | undefined {
  const sql = 'SELECT receipt FROM ledger WHERE operation_id = ?';
  const row = one<{ receipt: string }>(db, sql, operationId);
  if (!row) return undefined;
  const answer = parseAnswer(row.receipt);
  if (answer.outcome === 'resend') throw new TypeError('expected the ledger to hold receipts, got a resend');
  return answer;
}

/** Newest first. @throws StoreError LIMIT_INVALID */
export function listDeadLetters(db: Database, options: { limit?: number } = {}): DeadLetter[] {
  return all(
    db,
    `SELECT operation_id AS operationId, name, vm, session_id AS sessionId, code, message, payload,
            refused_at_ms AS refusedAtMs
     FROM dead_letters ORDER BY refused_at_ms DESC LIMIT ?`,
    checkedLimit(options.limit),
  );
}

/** Newest first. @throws StoreError LIMIT_INVALID */
export function listQuarantine(db: Database, options: { limit?: number } = {}): QuarantinedJob[] {
  return all(
    db,
    `SELECT quarantine_id AS quarantineId, job_id AS jobId, name, code, reason, payload,
            quarantined_at_ms AS quarantinedAtMs
     FROM quarantine ORDER BY quarantine_id DESC LIMIT ?`,
    checkedLimit(options.limit),
  );
}

/** Open reminders, soonest first, whenever they are due. @throws StoreError LIMIT_INVALID */
export function listPendingCleanups(db: Database, options: { limit?: number } = {}): PendingCleanup[] {
  return all(
    db,
    `SELECT q.cleanup_id AS cleanupId, q.file_id AS fileId, q.session_id AS sessionId,
            f.original_filename AS filename, f.file_size AS size, q.cleanup_reason AS reason,
            q.scheduled_deletion_time AS scheduledAt
     FROM file_cleanup_queue q JOIN conversation_files f ON f.file_id = q.file_id
     WHERE q.is_processed = 0 ORDER BY q.scheduled_deletion_time, q.cleanup_id LIMIT ?`,
    checkedLimit(options.limit),
  );
}
