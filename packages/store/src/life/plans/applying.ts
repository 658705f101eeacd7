// Applying a plan that was found unchanged, slice by slice. What changed after the check and before its slice is skipped and
// counted; what went is counted as it went.

import type { PlanRequest } from '@filefleet/protocol';
import { one, run } from '../../statements.ts';
import { type Cause, clearForGood, clearSoftly } from '../clear-files.ts';
import { nextStep } from '../fate.ts';
import { auditSlice, type SliceMoment } from '../moment.ts';
import { policyInForce, writePolicy } from '../policy.ts';
import { findSessionRow, hasFiles } from '../session-files.ts';
import { noteCleaned, removeSession } from '../session-steps.ts';
import { sweepBlob } from '../sweep.ts';
import { ChosenSessions, isThere } from './checking.ts';
import { changePolicy, changeSession } from './choice.ts';
import type { Plan } from './plan.ts';
import { rowsAfter, type SelectedRow } from './selected-rows.ts';

/** Rows of a session stand together: how many of them went so far. */
interface Cursor {
  ordinal: number;
  sessionId: string | null;
  files: number;
}

/** @returns whether all of it is applied. */
export function apply(moment: SliceMoment, plan: Plan): boolean {
  const { request } = plan;
  if (request.kind === 'retention') {
    changeRetention(moment, plan, request);
    return true;
  }
  const cursor: Cursor = plan.cursor ? JSON.parse(plan.cursor) : { ordinal: -1, sessionId: null, files: 0 };
  const isDone = applyRows(moment, plan, cursor);
  if (isDone) finishSession(moment, plan, cursor);
  plan.cursor = isDone ? null : JSON.stringify(cursor);
  return isDone;
}

function applyRows(moment: SliceMoment, plan: Plan, cursor: Cursor): boolean {
  const { db, budget } = moment;
  const sessions = new ChosenSessions(moment, plan);
  for (;;) {
    const rows = rowsAfter(db, plan.planId, cursor.ordinal, budget.left);
    if (rows.length === 0) return true;
    for (const row of rows) {
      if (!budget.take()) return false;
      if (row.sessionId !== cursor.sessionId) beginSession(moment, plan, cursor, row.sessionId);
      cursor.ordinal = row.ordinal;
      if (sessions.has(row) && applyRow(moment, plan, row)) {
        plan.doneRows += 1;
        cursor.files += 1;
      } else plan.skippedRows += 1;
    }
  }
}

/** @returns false when the row changed since the check: then it stays. */
function applyRow(moment: SliceMoment, plan: Plan, row: SelectedRow): boolean {
  const { fileId, rowVersion, digest } = row;
  const isTrusted = fileId === null && moment.without?.has('sweep-recheck');
  if (!isTrusted && !isThere(moment, plan, row)) return false;
  if (fileId === null) {
    const bytes = sweepBlob(moment, { blobId: rowVersion, digest });
    if (bytes === undefined) return false;
    plan.doneBlobs += 1;
    plan.doneBlobBytes += bytes;
    return true;
  }
  if (isSoft(plan.request)) return clearSoftly(moment, fileId, causeOf(plan));
  const freed = clearForGood(moment, fileId, causeOf(plan));
  plan.doneBlobs += freed?.blobs ?? 0;
  plan.doneBlobBytes += freed?.bytes ?? 0;
  return freed !== undefined;
}

const isSoft = (request: PlanRequest): boolean => request.kind === 'cleanup' && request.mode === 'soft';

const causeOf = ({ planId, actor, vm }: Plan): Cause => ({ actor, vm, operationId: planId, because: 'plan' });

function beginSession(moment: SliceMoment, plan: Plan, cursor: Cursor, sessionId: string | null): void {
  finishSession(moment, plan, cursor);
  cursor.sessionId = sessionId;
  cursor.files = 0;
}

/** A cleanup of what is due takes the session's next step as retention would. */
function finishSession(moment: SliceMoment, { request }: Plan, { sessionId, files }: Cursor): void {
  if (request.kind !== 'cleanup' || request.sessionId !== undefined || sessionId === null) return;
  const session = findSessionRow(moment.db, sessionId);
  const next = session && nextStep(session, policyInForce(moment.db));
  if (!next || next.dueAtMs > moment.nowMs || hasFiles(moment.db, sessionId, 'active')) return;
  if (request.mode === 'soft' && next.step === 'soft') noteCleaned(moment, sessionId, files);
  if (request.mode === 'hard' && next.step === 'purge' && !hasFiles(moment.db, sessionId, 'deleted'))
    removeSession(moment, sessionId, files);
}

/** From now on other spans decide; what is due by them goes with retention's next slices, so it counts as done. */
function changeRetention(
  moment: SliceMoment,
  plan: Plan,
  request: Extract<PlanRequest, { kind: 'retention' }>,
): void {
  const { db, nowMs } = moment;
  const { actor, vm, planId: operationId } = plan;
  if (request.sessionId === undefined) {
    const { changedAtMs: _, ...before } = policyInForce(db);
    const inForce = changePolicy(before, request);
    writePolicy(db, inForce, nowMs);
    const details = { before, inForce };
    auditSlice(moment, { action: 'retention-policy', actor, vm, operationId, details });
  } else {
    const { sessionId } = request;
    const sql = `INSERT INTO sessions (session_id, state, first_activity_at_ms, last_activity_at_ms)
      VALUES (?, 'live', ?, ?) ON CONFLICT DO NOTHING`;
    run(db, sql, sessionId, nowMs, nowMs);
    const spans =
      'SELECT soft_after_ms AS softAfterMs, purge_after_ms AS purgeAfterMs FROM sessions WHERE session_id = ?';
    const before = one<{ softAfterMs: number | null; purgeAfterMs: number | null }>(db, spans, sessionId);
    const own = changeSession(before ?? { softAfterMs: null, purgeAfterMs: null }, request);
    const set = 'UPDATE sessions SET soft_after_ms = ?, purge_after_ms = ? WHERE session_id = ?';
    run(db, set, own.softAfterMs, own.purgeAfterMs, sessionId);
    auditSlice(moment, {
      action: 'session-retention',
      actor,
      vm,
      operationId,
      sessionId,
      details: { before, own },
    });
  }
  plan.doneRows = plan.rows;
  plan.doneBlobs = plan.blobs;
  plan.doneBlobBytes = plan.blobBytes;
}
