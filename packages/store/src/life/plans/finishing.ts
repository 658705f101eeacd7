// The end of a plan, however it comes: told in the audit and to people. Its rows are forgotten later.

import { auditSlice, type SliceMoment } from '../moment.ts';
import type { Plan } from './plan.ts';

export function finish(moment: SliceMoment, plan: Plan, state: 'applied' | 'stale' | 'expired'): void {
  plan.state = state;
  plan.cursor = null;
  plan.finishedAtMs = moment.nowMs;
  const { planId, actor, vm, doneRows: rows, doneBlobBytes: blobBytes, skippedRows: skipped } = plan;
  const details = { state, rows, blobBytes, skipped };
  auditSlice(moment, { action: 'plan-finished', actor, vm, operationId: planId, details });
  moment.events.push({ event: 'plan.finished', planId, state, rows, blobBytes, skipped });
}
