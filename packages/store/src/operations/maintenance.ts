// What operators ask for: a hold, a plan, its application, a backup, trust in the clock. Each only writes down what is
// wanted; the writer's maintenance does it in slices, so that stores go on meanwhile.

import { type PlanRequest, planLifeMs } from '@filefleet/protocol';
import { setHold } from '../sessions.ts';
import { one, run } from '../statements.ts';
import { assertNotHeld } from './find.ts';
import { audit, type Handler, Refusal, type Turn } from './turn.ts';

export const holdSession: Handler<'session-hold'> = (payload, turn) => {
  const { sessionId, hold, reason } = payload;
  setHold(turn.db, sessionId, hold, turn.nowMs);
  audit(turn, null, { hold, ...(reason ? { reason } : {}) });
  return {};
};

/** The plan is made slice by slice after this; its id is that of the operation. */
export const makePlan: Handler<'plan-make'> = (payload, turn) => {
  assertPlannable(turn, payload.plan);
  run(
    turn.db,
    `INSERT INTO plans (plan_id, kind, request, vm, actor, state, created_at_ms, expires_at_ms)
     VALUES (?, ?, ?, ?, ?, 'planning', ?, ?)`,
    payload.operationId,
    payload.plan.kind,
    JSON.stringify(payload.plan),
    payload.vm,
    payload.actor ?? null,
    turn.nowMs,
    turn.nowMs + planLifeMs,
  );
  audit(turn, null, { plan: payload.plan });
  return {};
};

/** What can be known to be impossible is refused at once. @throws Refusal SESSION_HELD, PAYLOAD_INVALID */
function assertPlannable({ db }: Turn, plan: PlanRequest): void {
  const isForGood = plan.kind === 'purge' || (plan.kind === 'cleanup' && plan.mode === 'hard');
  if (isForGood && plan.sessionId !== undefined) assertNotHeld(db, plan.sessionId);
  if (plan.kind !== 'retention') return;
  const { sessionId, softAfterMs, purgeAfterMs, idleAfterMs, spaceBytes } = plan;
  if (sessionId === undefined && (softAfterMs === null || purgeAfterMs === null))
    throw new Refusal(
      'PAYLOAD_INVALID',
      'expected the spans of the policy to be numbers, got null; hold the sessions that shall stay for ever',
    );
  if (sessionId !== undefined && (idleAfterMs !== undefined || spaceBytes !== undefined))
    throw new Refusal(
      'PAYLOAD_INVALID',
      'expected spans only for a session, got a limit of the whole store; leave the session out',
    );
}

/** Applied means: taken up. What became of it stands in the plan, `stale` when what it selected had changed. */
export const applyPlan: Handler<'plan-apply'> = (payload, turn) => {
  const { planId } = payload;
  const sql = 'SELECT state, expires_at_ms AS expiresAtMs FROM plans WHERE plan_id = ?';
  const plan = one<{ state: string; expiresAtMs: number }>(turn.db, sql, planId);
  if (!plan)
    throw new Refusal('PLAN_UNKNOWN', `expected planId to be a plan of the last hour, got ${planId}`);
  if (plan.state === 'expired' || (plan.state === 'ready' && plan.expiresAtMs <= turn.nowMs))
    throw new Refusal('PLAN_EXPIRED', 'expected the plan to be younger than an hour; make a new one');
  if (plan.state !== 'ready')
    throw new Refusal('PLAN_NOT_READY', `expected the plan to be ready, got one that is ${plan.state}`);
  run(turn.db, "UPDATE plans SET state = 'checking', cursor = NULL WHERE plan_id = ?", planId);
  audit(turn, null, { planId });
  return {};
};

export const makeBackup: Handler<'backup-make'> = (_payload, turn) => {
  makeDue(turn.db, 'backup', turn.nowMs);
  audit(turn, null);
  return {};
};

export const acceptClock: Handler<'clock-accept'> = (_payload, turn) => {
  audit(turn, null);
  return {};
};

/** Has a periodic task run at the next look. */
function makeDue(db: Parameters<typeof run>[0], task: string, nowMs: number): void {
  run(
    db,
    'INSERT INTO maintenance (task, due_at_ms) VALUES (?, ?) ON CONFLICT (task) DO UPDATE SET due_at_ms = excluded.due_at_ms',
    task,
    nowMs,
  );
}
