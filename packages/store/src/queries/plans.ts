// Plans as readers see them: what was asked for, what it selected, what became of it.

import type { PlanKind, PlanRequest } from '@filefleet/protocol';
import type { Database } from 'better-sqlite3';
import type { PlanState } from '../life/plans/plan.ts';
import { all, one } from '../statements.ts';
import { checkedLimit } from './bounds.ts';

/** Times in milliseconds since 1970. */
export interface PlanFacts {
  /** The id of the operation that asked for it. */
  readonly planId: string;
  readonly kind: PlanKind;
  readonly request: PlanRequest;
  readonly vm: string;
  readonly actor: string | null;
  readonly state: PlanState;
  readonly createdAtMs: number;
  readonly readyAtMs: number | null;
  /** Until then it may be applied. */
  readonly expiresAtMs: number;
  readonly finishedAtMs: number | null;
  /** SHA-256 over the selected rows, their versions and reference counts; null while it is being made. */
  readonly digest: string | null;
  readonly planned: PlanFigures;
  /** What applying it did; zeros before that. */
  readonly done: Omit<PlanFigures, 'sessions'> & {
    /** Rows that changed between the check and their slice: they stayed. */
    readonly skipped: number;
  };
}

export interface PlanFigures {
  /** Files, or contents in a sweep. */
  readonly rows: number;
  /** Contents whose last reference goes with the plan. */
  readonly blobs: number;
  /** Their bytes: what will really be free after the sweep. */
  readonly blobBytes: number;
  readonly sessions: number;
}

type Flat = Omit<PlanFacts, 'request' | 'planned' | 'done'> & {
  readonly request: string;
  readonly rows: number;
  readonly blobs: number;
  readonly blobBytes: number;
  readonly sessions: number;
  readonly doneRows: number;
  readonly doneBlobs: number;
  readonly doneBlobBytes: number;
  readonly skipped: number;
};

const columns = `plan_id AS planId, kind, request, vm, actor, state, created_at_ms AS createdAtMs, ready_at_ms AS readyAtMs,
  expires_at_ms AS expiresAtMs, finished_at_ms AS finishedAtMs, iif(state = 'planning', NULL, digest) AS digest, rows, blobs,
  blob_bytes AS blobBytes, sessions, done_rows AS doneRows, done_blobs AS doneBlobs, done_blob_bytes AS doneBlobBytes,
  skipped_rows AS skipped`;

/** @returns undefined for a plan that nobody made, or that was forgotten a day after it was finished. */
export function findPlanFacts(db: Database, planId: string): PlanFacts | undefined {
  const flat = one<Flat>(db, `SELECT ${columns} FROM plans WHERE plan_id = ?`, planId);
  return flat && toFacts(flat);
}

/** Newest first. @throws StoreError LIMIT_INVALID */
export function listPlans(db: Database, options: { limit?: number } = {}): PlanFacts[] {
  const sql = `SELECT ${columns} FROM plans ORDER BY created_at_ms DESC, plan_id DESC LIMIT ?`;
  return all<Flat>(db, sql, checkedLimit(options.limit)).map(toFacts);
}

/** One file that a plan selected, or one content of a sweep. */
export interface PlanRow {
  /** Null for a content. */
  readonly fileId: string | null;
  readonly sessionId: string | null;
  /** Null for a content, and for a file that is gone. */
  readonly filename: string | null;
  readonly digest: string;
  readonly size: number;
}

/** In the plan's order, from its beginning. @throws StoreError LIMIT_INVALID */
export function listPlanRows(db: Database, planId: string, options: { limit?: number } = {}): PlanRow[] {
  const sql = `SELECT r.file_id AS fileId, r.session_id AS sessionId, f.original_filename AS filename, r.digest, r.size
    FROM plan_rows r LEFT JOIN conversation_files f ON f.file_id = r.file_id
    WHERE r.plan_id = ? ORDER BY r.ordinal LIMIT ?`;
  return all<PlanRow>(db, sql, planId, checkedLimit(options.limit));
}

function toFacts(flat: Flat): PlanFacts {
  const { rows, blobs, blobBytes, sessions, doneRows, doneBlobs, doneBlobBytes, skipped, ...facts } = flat;
  return {
    ...facts,
    request: JSON.parse(facts.request) as PlanRequest,
    planned: { rows, blobs, blobBytes, sessions },
    done: { rows: doneRows, blobs: doneBlobs, blobBytes: doneBlobBytes, skipped },
  };
}
