// A plan's row: what was asked for, where its slices stand, what it selected and what applying it did.

import type { PlanRequest } from '@filefleet/protocol';
import type { Database } from 'better-sqlite3';
import { one, run } from '../../statements.ts';

export type PlanState = 'planning' | 'ready' | 'checking' | 'applying' | 'applied' | 'stale' | 'expired';

export interface Plan {
  readonly planId: string;
  readonly request: PlanRequest;
  readonly vm: string;
  readonly actor: string | null;
  state: PlanState;
  readonly expiresAtMs: number;
  readyAtMs: number | null;
  finishedAtMs: number | null;
  /** JSON; its shape is that of the state's slices. */
  cursor: string | null;
  /** SHA-256 in hex over what was selected so far. */
  digest: string | null;
  rows: number;
  blobs: number;
  blobBytes: number;
  sessions: number;
  doneRows: number;
  doneBlobs: number;
  doneBlobBytes: number;
  skippedRows: number;
}

const columns = `plan_id AS planId, request, vm, actor, state, expires_at_ms AS expiresAtMs, ready_at_ms AS readyAtMs,
  finished_at_ms AS finishedAtMs, cursor, digest, rows, blobs, blob_bytes AS blobBytes, sessions, done_rows AS doneRows,
  done_blobs AS doneBlobs, done_blob_bytes AS doneBlobBytes, skipped_rows AS skippedRows`;

type Raw = Omit<Plan, 'request'> & { readonly request: string };

const toPlan = (raw: Raw): Plan => ({ ...raw, request: JSON.parse(raw.request) as PlanRequest });

/** The oldest that is being made, checked or applied. */
export function oldestOpenPlan(db: Database): Plan | undefined {
  const sql = `SELECT ${columns} FROM plans WHERE state IN ('planning', 'checking', 'applying')
    ORDER BY created_at_ms, plan_id LIMIT 1`;
  const raw = one<Raw>(db, sql);
  return raw && toPlan(raw);
}

export function findPlan(db: Database, planId: string): Plan | undefined {
  const raw = one<Raw>(db, `SELECT ${columns} FROM plans WHERE plan_id = ?`, planId);
  return raw && toPlan(raw);
}

export function savePlan(db: Database, plan: Plan): void {
  run(
    db,
    `UPDATE plans SET state = ?, ready_at_ms = ?, finished_at_ms = ?, cursor = ?, digest = ?, rows = ?, blobs = ?,
       blob_bytes = ?, sessions = ?, done_rows = ?, done_blobs = ?, done_blob_bytes = ?, skipped_rows = ?
     WHERE plan_id = ?`,
    plan.state,
    plan.readyAtMs,
    plan.finishedAtMs,
    plan.cursor,
    plan.digest,
    plan.rows,
    plan.blobs,
    plan.blobBytes,
    plan.sessions,
    plan.doneRows,
    plan.doneBlobs,
    plan.doneBlobBytes,
    plan.skippedRows,
    plan.planId,
  );
}
