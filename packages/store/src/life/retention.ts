// Retention: ends sessions that were idle for too long, deletes softly what is due, purges what was deleted long enough ago,
// and takes the oldest when the store holds more bytes than it may. Decided from the sessions' rows alone, each question
// through an index of its own; a row of 001's cleanup queue is a reminder, never a permission.

import { remindOfFile } from '../sessions.ts';
import { one } from '../statements.ts';
import { type Cause, clearForGood, clearSoftly } from './clear-files.ts';
import { nextStep } from './fate.ts';
import type { SliceMoment } from './moment.ts';
import { type PolicyInForce, policyInForce } from './policy.ts';
import { postponeSessions } from './postpone.ts';
import { beforeAllFiles, type FileState, filesAfter, findSessionRow, hasFiles } from './session-files.ts';
import { endByLimit, noteCleaned, removeSession } from './session-steps.ts';
import { beginSpaceWalk, isOnItsWay, walkForSpace } from './space-limit.ts';
import { loadWalk, saveWalk, type Walk } from './walk.ts';

const cause: Cause = { actor: 'retention', because: 'retention' };

/** @returns whether there is more to do at once. */
export function workOnRetention(moment: SliceMoment): boolean {
  if (postponeSessions(moment)) return true;
  const policy = policyInForce(moment.db);
  let walk = continuedWalk(moment, policy);
  while (moment.budget.isOpen) {
    walk ??= nextWalk(moment, policy);
    if (!walk) return false;
    if (!finish(moment, walk)) {
      saveWalk(moment.db, walk);
      return true;
    }
    saveWalk(moment.db, undefined);
    walk = undefined;
  }
  return true;
}

/** The session of the slice before, unless it is in use again, held, or no longer due. */
function continuedWalk(moment: SliceMoment, policy: PolicyInForce): Walk | undefined {
  const walk = loadWalk(moment.db);
  if (!walk) return undefined;
  const session = findSessionRow(moment.db, walk.sessionId);
  if (session) {
    if (walk.step === 'space' && isOnItsWay(session)) return walk;
    const next = nextStep(session, policy);
    if (walk.step === 'remind' && next?.step === 'soft') return walk;
    if (next && next.step === walk.step && next.dueAtMs <= moment.nowMs) return walk;
  }
  saveWalk(moment.db, undefined);
  return undefined;
}

function nextWalk(moment: SliceMoment, policy: PolicyInForce): Walk | undefined {
  for (const step of ['purge', 'soft'] as const) {
    const sessionId = findDue(moment, step, policy);
    if (sessionId !== undefined) return { step, sessionId, files: 0 };
  }
  return beginSpaceWalk(moment, policy) ?? endIdleSession(moment, policy);
}

/** By the policy's span, and by spans of their own. */
const dueSql = {
  soft: [
    `SELECT session_id AS sessionId FROM sessions
     WHERE state = 'ended' AND cleaned_at_ms IS NULL AND hold = 0 AND soft_after_ms IS NULL AND ended_at_ms <= ?
     ORDER BY ended_at_ms LIMIT 1`,
    `SELECT session_id AS sessionId FROM sessions
     WHERE state = 'ended' AND cleaned_at_ms IS NULL AND hold = 0 AND soft_after_ms IS NOT NULL
       AND ended_at_ms + soft_after_ms <= ?
     ORDER BY ended_at_ms + soft_after_ms LIMIT 1`,
  ],
  purge: [
    `SELECT session_id AS sessionId FROM sessions
     WHERE cleaned_at_ms IS NOT NULL AND hold = 0 AND purge_after_ms IS NULL AND cleaned_at_ms <= ?
     ORDER BY cleaned_at_ms LIMIT 1`,
    `SELECT session_id AS sessionId FROM sessions
     WHERE cleaned_at_ms IS NOT NULL AND hold = 0 AND purge_after_ms IS NOT NULL
       AND cleaned_at_ms + purge_after_ms <= ?
     ORDER BY cleaned_at_ms + purge_after_ms LIMIT 1`,
  ],
} as const;

/** For the test that each of them is answered by its index. */
export const retentionQueries: readonly string[] = [...dueSql.soft, ...dueSql.purge];

function findDue(moment: SliceMoment, step: 'soft' | 'purge', policy: PolicyInForce): string | undefined {
  const { db, nowMs } = moment;
  const span = step === 'soft' ? policy.softAfterMs : policy.purgeAfterMs;
  const [byPolicy, byOwn] = dueSql[step];
  const found =
    one<{ sessionId: string }>(db, byPolicy, nowMs - span) ?? one<{ sessionId: string }>(db, byOwn, nowMs);
  return found?.sessionId;
}

/** @returns false when the slice is over before the session is done. */
function finish(moment: SliceMoment, walk: Walk): boolean {
  switch (walk.step) {
    case 'soft':
      return clearSession(moment, walk);
    case 'purge':
      return purgeSession(moment, walk);
    case 'space':
      return walkForSpace(moment, walk);
    case 'remind':
      return remindOfSession(moment, walk);
  }
}

function clearSession(moment: SliceMoment, walk: Walk): boolean {
  for (const fileId of someFiles(moment, walk.sessionId, 'active')) {
    if (!moment.budget.take()) return false;
    if (clearSoftly(moment, fileId, cause)) walk.files += 1;
  }
  if (hasFiles(moment.db, walk.sessionId, 'active') || !moment.budget.take()) return false;
  noteCleaned(moment, walk.sessionId, walk.files);
  return true;
}

function purgeSession(moment: SliceMoment, walk: Walk): boolean {
  for (const fileId of someFiles(moment, walk.sessionId, 'deleted')) {
    if (!moment.budget.take()) return false;
    if (clearForGood(moment, fileId, cause)) walk.files += 1;
  }
  if (hasFiles(moment.db, walk.sessionId, 'deleted') || !moment.budget.take()) return false;
  removeSession(moment, walk.sessionId, walk.files);
  return true;
}

function someFiles({ db, budget }: SliceMoment, sessionId: string, state: FileState): string[] {
  return filesAfter(db, sessionId, state, beforeAllFiles, budget.left).map(({ fileId }) => fileId);
}

/** For the test that it is answered by its index. */
export const idleSql = `SELECT session_id AS sessionId FROM sessions
  WHERE state = 'live' AND hold = 0 AND taken_bytes IS NULL AND last_activity_at_ms <= ?
  ORDER BY last_activity_at_ms LIMIT 1`;

/** Opt-in: without an idle limit no live session ever ends by itself. */
function endIdleSession(moment: SliceMoment, { idleAfterMs }: PolicyInForce): Walk | undefined {
  if (idleAfterMs === null) return undefined;
  const idle = one<{ sessionId: string }>(moment.db, idleSql, moment.nowMs - idleAfterMs);
  if (!idle) return undefined;
  endByLimit(moment, idle.sessionId, 'idle');
  return { step: 'remind', sessionId: idle.sessionId, files: 0, reminded: beforeAllFiles };
}

function remindOfSession({ db, budget }: SliceMoment, walk: Walk): boolean {
  for (;;) {
    const files = filesAfter(db, walk.sessionId, 'active', walk.reminded ?? beforeAllFiles, budget.left);
    if (files.length === 0) return budget.take();
    for (const { fileId, uploadedAtMs } of files) {
      if (!budget.take()) return false;
      remindOfFile(db, fileId);
      walk.reminded = { uploadedAtMs, fileId };
    }
  }
}
