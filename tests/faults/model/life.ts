// What time does to the model: retention, the sweep, plans. All that is due at a moment happens at once.

import type { PlanRequest } from '@filefleet/protocol';
import {
  deleteSoftly,
  end,
  type Figures,
  filesOf,
  type Model,
  type ModelFile,
  type ModelPlan,
  type ModelSession,
  purge,
  referencesOf,
  sizeOf,
} from './model.ts';

type Spans = Model['policy'];
type Step = 'end' | 'soft' | 'purge';

/** What is next with a session, if it is due. */
function dueStep(session: ModelSession, policy: Spans, nowMs: number): Step | undefined {
  if (session.hold) return undefined;
  const isDue = (sinceMs: number, spanMs: number) => sinceMs + spanMs <= nowMs;
  if (session.cleanedAtMs !== null)
    return isDue(session.cleanedAtMs, session.purgeAfterMs ?? policy.purgeAfterMs) ? 'purge' : undefined;
  if (session.endedAtMs !== null)
    return isDue(session.endedAtMs, session.softAfterMs ?? policy.softAfterMs) ? 'soft' : undefined;
  if (policy.idleAfterMs === null) return undefined;
  return isDue(session.lastAtMs, policy.idleAfterMs) ? 'end' : undefined;
}

export function retain(model: Model, nowMs: number): void {
  for (const [sessionId, session] of [...model.sessions]) {
    for (
      let step = dueStep(session, model.policy, nowMs);
      step;
      step = dueStep(session, model.policy, nowMs)
    ) {
      if (step === 'end') end(session, nowMs);
      if (step === 'soft') {
        for (const file of filesOf(model, sessionId)) deleteSoftly(file, nowMs);
        session.cleanedAtMs = nowMs;
      }
      if (step === 'purge') {
        for (const file of filesOf(model, sessionId)) purge(model, file);
        model.sessions.delete(sessionId);
        break;
      }
    }
  }
}

export function sweep(model: Model, graceMs: number, nowMs: number): void {
  stampUnseen(model, nowMs);
  for (const [digest, { sinceMs }] of [...model.contents])
    if (isUnreferenced(model, digest) && sinceMs !== null && sinceMs <= nowMs - graceMs)
      model.contents.delete(digest);
}

function stampUnseen(model: Model, nowMs: number): void {
  for (const [digest, content] of model.contents)
    if (isUnreferenced(model, digest)) content.sinceMs ??= nowMs;
}

export const isUnreferenced = (model: Model, digest: string): boolean => referencesOf(model, digest) === 0;

const lifeMs = 3_600_000;
const waiting = 16;

/** Everything that can be done with plans at this moment. */
export function workOnPlans(model: Model, nowMs: number): void {
  const byAge = [...model.plans.values()].sort(
    (a, b) => a.createdAtMs - b.createdAtMs || (a.planId < b.planId ? -1 : 1),
  );
  const idle = byAge.filter(({ state }) => state === 'planning' || state === 'ready');
  for (const [n, plan] of idle.entries())
    if (plan.createdAtMs + lifeMs <= nowMs || n < idle.length - waiting) plan.state = 'expired';
  for (const plan of byAge) {
    if (plan.state === 'planning') {
      select(model, plan, nowMs);
      plan.state = 'ready';
    } else if (plan.state === 'checking') {
      plan.state = isSame(model, plan, nowMs) ? 'applied' : 'stale';
      if (plan.state === 'applied') apply(model, plan, nowMs);
    }
  }
}

type Choice = 'none' | 'active' | 'deleted' | 'all';

function select(model: Model, plan: ModelPlan, nowMs: number): void {
  const { request } = plan;
  if (request.kind === 'sweep') {
    stampUnseen(model, nowMs);
    plan.contents = [...model.contents.keys()].filter((digest) => isSwept(model, plan, digest, nowMs));
    plan.planned = { ...sum(plan.contents), rows: plan.contents.length, sessions: 0 };
    return;
  }
  const files = [...model.files.values()].filter((file) => isChosen(model, request, file, nowMs));
  plan.files = files.map((file) => ({ ...file, references: referencesOf(model, file.digest) }));
  const forGood = files.filter((file) => isForGood(model, request, file.sessionId, nowMs));
  const digests = [...new Set(forGood.map(({ digest }) => digest))].filter(
    (digest) =>
      model.contents.has(digest) &&
      forGood.filter((file) => file.digest === digest).length === referencesOf(model, digest),
  );
  const sessions = new Set(files.map(({ sessionId }) => sessionId)).size;
  plan.planned = { ...sum(digests), rows: files.length, sessions };
}

const sum = (digests: readonly string[]): Pick<Figures, 'blobs' | 'blobBytes'> => ({
  blobs: digests.length,
  blobBytes: digests.reduce((bytes, digest) => bytes + sizeOf(digest), 0),
});

function isSwept(model: Model, { request }: ModelPlan, digest: string, nowMs: number): boolean {
  const graceMs = request.kind === 'sweep' ? (request.graceMs ?? 24 * lifeMs) : 0;
  const sinceMs = model.contents.get(digest)?.sinceMs ?? null;
  return isUnreferenced(model, digest) && sinceMs !== null && sinceMs <= nowMs - graceMs;
}

function isChosen(model: Model, request: PlanRequest, file: ModelFile, nowMs: number): boolean {
  if ('sessionId' in request && request.sessionId !== undefined && request.sessionId !== file.sessionId)
    return false;
  const choice = choose(model, request, file.sessionId, nowMs);
  if (choice === 'none' || (choice !== 'all' && (choice === 'deleted') !== (file.deletedAtMs !== null)))
    return false;
  if (request.kind !== 'purge') return true;
  if (request.fileIds && !request.fileIds.includes(file.fileId)) return false;
  return request.deletedBeforeMs === undefined || (file.deletedAtMs ?? 0) < request.deletedBeforeMs;
}

function choose(model: Model, request: PlanRequest, sessionId: string, nowMs: number): Choice {
  const session = model.sessions.get(sessionId);
  if (!session) return 'none';
  if (request.kind === 'purge') {
    const isNamed = request.sessionId !== undefined || request.fileIds !== undefined;
    return session.hold || (!isNamed && session.state === 'live') ? 'none' : 'deleted';
  }
  if (request.kind === 'retention') {
    const [before, after] = [fate(session, model.policy, nowMs), changedFate(model, request, session, nowMs)];
    if (before === after || before === 'purge' || after === undefined) return 'none';
    return after === 'purge' ? 'all' : 'active';
  }
  if (request.kind !== 'cleanup') return 'none';
  if (request.sessionId !== undefined) {
    if (request.mode === 'soft') return 'active';
    return session.hold ? 'none' : 'all';
  }
  const step = dueStep(session, model.policy, nowMs);
  if (request.mode === 'soft') return step === 'soft' ? 'active' : 'none';
  return step === 'purge' ? 'deleted' : 'none';
}

function isForGood(model: Model, request: PlanRequest, sessionId: string, nowMs: number): boolean {
  if (request.kind === 'cleanup') return request.mode === 'hard';
  return request.kind === 'purge' || choose(model, request, sessionId, nowMs) === 'all';
}

type RetentionRequest = Extract<PlanRequest, { kind: 'retention' }>;

function changePolicy(policy: Spans, request: RetentionRequest): Spans {
  const { sessionId, softAfterMs, purgeAfterMs, idleAfterMs } = request;
  if (sessionId !== undefined) return policy;
  return {
    softAfterMs: softAfterMs ?? policy.softAfterMs,
    purgeAfterMs: purgeAfterMs ?? policy.purgeAfterMs,
    idleAfterMs: idleAfterMs === undefined ? policy.idleAfterMs : idleAfterMs,
  };
}

function changeSession(session: ModelSession, request: RetentionRequest): ModelSession {
  if (request.sessionId === undefined) return session;
  const { softAfterMs = session.softAfterMs, purgeAfterMs = session.purgeAfterMs } = request;
  return { ...session, softAfterMs, purgeAfterMs };
}

const changedFate = (model: Model, request: RetentionRequest, session: ModelSession, nowMs: number) =>
  fate(changeSession(session, request), changePolicy(model.policy, request), nowMs);

/** How far retention would take a session at this moment; undefined: no file of it goes. */
function fate(session: ModelSession, policy: Spans, nowMs: number): 'soft' | 'purge' | undefined {
  const now = { ...session };
  let reached: 'soft' | undefined;
  for (;;) {
    const step = dueStep(now, policy, nowMs);
    if (step === undefined) return reached;
    if (step === 'purge') return 'purge';
    if (step === 'end') end(now, nowMs);
    else {
      reached = 'soft';
      now.cleanedAtMs = nowMs;
    }
  }
}

/** Nothing that was selected has changed. */
function isSame(model: Model, plan: ModelPlan, nowMs: number): boolean {
  return (
    plan.contents.every((digest) => isSwept(model, plan, digest, nowMs)) &&
    plan.files.every(
      ({ fileId, sessionId, version, digest, references }) =>
        model.files.get(fileId)?.version === version &&
        referencesOf(model, digest) === references &&
        choose(model, plan.request, sessionId, nowMs) !== 'none',
    )
  );
}

function apply(model: Model, plan: ModelPlan, nowMs: number): void {
  const { request } = plan;
  const { sessions: _, ...planned } = plan.planned;
  plan.done = planned;
  if (request.kind === 'retention') changeSpans(model, request, nowMs);
  for (const digest of plan.contents) model.contents.delete(digest);
  if (request.kind !== 'cleanup' && request.kind !== 'purge') return;
  const done = { rows: 0, blobs: 0, blobBytes: 0 };
  for (const { fileId } of plan.files) {
    const file = model.files.get(fileId);
    if (!file) continue;
    done.rows += 1;
    if (request.kind === 'cleanup' && request.mode === 'soft') deleteSoftly(file, nowMs);
    else {
      const freed = purge(model, file);
      done.blobs += freed.blobs;
      done.blobBytes += freed.blobBytes;
    }
  }
  plan.done = done;
  if (request.kind === 'cleanup' && request.sessionId === undefined) finishSessions(model, plan, nowMs);
}

function finishSessions(model: Model, plan: ModelPlan, nowMs: number): void {
  const isSoft = plan.request.kind === 'cleanup' && plan.request.mode === 'soft';
  for (const sessionId of new Set(plan.files.map((file) => file.sessionId))) {
    const session = model.sessions.get(sessionId);
    const step = session && dueStep(session, model.policy, nowMs);
    const left = filesOf(model, sessionId);
    if (session && isSoft && step === 'soft' && left.every(({ deletedAtMs }) => deletedAtMs !== null))
      session.cleanedAtMs = nowMs;
    if (!isSoft && step === 'purge' && left.length === 0) model.sessions.delete(sessionId);
  }
}

function changeSpans(model: Model, request: RetentionRequest, nowMs: number): void {
  model.policy = changePolicy(model.policy, request);
  if (request.sessionId === undefined) return;
  const session = model.sessions.get(request.sessionId) ?? newSession(nowMs);
  model.sessions.set(request.sessionId, changeSession(session, request));
}

const newSession = (nowMs: number): ModelSession => ({
  state: 'live',
  firstAtMs: nowMs,
  lastAtMs: nowMs,
  endedAtMs: null,
  cleanedAtMs: null,
  hold: false,
  softAfterMs: null,
  purgeAfterMs: null,
});
