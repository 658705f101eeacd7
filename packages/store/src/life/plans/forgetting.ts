// Plans do not pile up: those that nobody applied within their hour expire, rows of finished ones go in slices, and finished
// plans are kept for a day, a hundred at most.

import { all, one, run } from '../../statements.ts';
import type { SliceMoment } from '../moment.ts';
import { finish } from './finishing.ts';
import { findPlan, savePlan } from './plan.ts';

/** Plans that may wait at the same time; with one more the oldest expires. */
const waitingPlans = 16;
const finishedPlans = 100;
const finishedForMs = 24 * 3_600_000;

const isWaiting = "state IN ('planning', 'ready')";
const isFinished = "state IN ('applied', 'stale', 'expired')";

export function expirePlans(moment: SliceMoment): void {
  const sql = `SELECT plan_id AS planId FROM plans WHERE ${isWaiting} AND (expires_at_ms <= ? OR plan_id NOT IN (
      SELECT plan_id FROM plans WHERE ${isWaiting} ORDER BY created_at_ms DESC, plan_id DESC LIMIT ${waitingPlans}))`;
  for (const { planId } of all<{ planId: string }>(moment.db, sql, moment.nowMs)) {
    const plan = findPlan(moment.db, planId);
    if (!plan) continue;
    finish(moment, plan, 'expired');
    savePlan(moment.db, plan);
  }
}

/** @returns whether there is more to forget at once. */
export function forgetPlans(moment: SliceMoment): boolean {
  const { db, budget, nowMs } = moment;
  const withRows = `SELECT plan_id AS planId FROM plans p WHERE ${isFinished}
    AND EXISTS (SELECT 1 FROM plan_rows r WHERE r.plan_id = p.plan_id) LIMIT 1`;
  for (;;) {
    const plan = one<{ planId: string }>(db, withRows);
    if (!plan) break;
    const sql = 'SELECT ordinal FROM plan_rows WHERE plan_id = ? ORDER BY ordinal LIMIT ?';
    for (const { ordinal } of all<{ ordinal: number }>(db, sql, plan.planId, budget.left)) {
      if (!budget.take()) return true;
      run(db, 'DELETE FROM plan_rows WHERE plan_id = ? AND ordinal = ?', plan.planId, ordinal);
    }
    if (!budget.isOpen) return true;
  }
  run(
    db,
    `DELETE FROM plans WHERE ${isFinished} AND (finished_at_ms <= ? OR plan_id NOT IN (
       SELECT plan_id FROM plans WHERE ${isFinished} ORDER BY finished_at_ms DESC, plan_id DESC LIMIT ${finishedPlans}))`,
    nowMs - finishedForMs,
  );
  return false;
}
