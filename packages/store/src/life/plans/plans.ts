// The life of a plan, slice by slice: it is made, waits to be applied, is checked, applied, and forgotten. Plans that were
// being worked on when a writer ended go on where their last slice was committed.

import type { SliceMoment } from '../moment.ts';
import { apply } from './applying.ts';
import { check } from './checking.ts';
import { finish } from './finishing.ts';
import { expirePlans, forgetPlans } from './forgetting.ts';
import { oldestOpenPlan, type Plan, savePlan } from './plan.ts';
import { select } from './selecting.ts';

/** @returns whether there is more to do at once. */
export function workOnPlans(moment: SliceMoment): boolean {
  expirePlans(moment);
  while (moment.budget.isOpen) {
    const plan = oldestOpenPlan(moment.db);
    if (!plan) return forgetPlans(moment);
    advance(moment, plan);
    savePlan(moment.db, plan);
  }
  return true;
}

function advance(moment: SliceMoment, plan: Plan): void {
  switch (plan.state) {
    case 'planning':
      if (select(moment, plan)) becomeReady(moment, plan);
      break;
    case 'checking':
      decide(moment, plan);
      break;
    case 'applying':
      if (apply(moment, plan)) finish(moment, plan, 'applied');
      break;
  }
}

function becomeReady(moment: SliceMoment, plan: Plan): void {
  plan.state = 'ready';
  plan.readyAtMs = moment.nowMs;
  const { planId, rows, blobBytes } = plan;
  moment.events.push({ event: 'plan.ready', planId, rows, blobBytes });
}

function decide(moment: SliceMoment, plan: Plan): void {
  const isFirstSlice = plan.cursor === null;
  const outcome = check(moment, plan);
  if (outcome === 'open') return;
  plan.cursor = null;
  if (outcome === 'changed') {
    finish(moment, plan, 'stale');
    return;
  }
  plan.state = 'applying';
  // What was checked in one slice is applied in the same transaction, so that nothing can come between.
  if (isFirstSlice) moment.budget.renew();
}
