// Which files of a session a plan takes. Asked when the plan is made, and again when it is checked and applied: a session that
// is held or in use by then has none.

import type { PlanRequest } from '@filefleet/protocol';
import type { RetentionFacts } from '../../queries/sessions.ts';
import { type Fate, fateOf, nextStep } from '../fate.ts';
import type { SessionRow } from '../session-files.ts';
import type { RetentionPolicy } from '../slice.ts';

/** What becomes of them: nothing, soft deletion of those that are active, or the end of rows and maybe bytes. */
export type Choice =
  | { readonly files: 'none' }
  | { readonly files: 'active' | 'deleted' | 'all'; readonly goForGood: boolean };

/**
 * How long contents of a sweep have to be without a file, in milliseconds.
 * @param configured what holds when the plan says nothing.
 */
export const graceOf = (request: PlanRequest, configured: number): number =>
  (request.kind === 'sweep' ? request.graceMs : undefined) ?? configured;

const none: Choice = { files: 'none' };

export interface Circumstances {
  readonly policy: RetentionFacts;
  readonly nowMs: number;
}

export function chooseFiles(request: PlanRequest, session: SessionRow, now: Circumstances): Choice {
  switch (request.kind) {
    case 'cleanup':
      return chooseForCleanup(request, session, now);
    case 'purge':
      return chooseForPurge(request, session);
    case 'retention':
      return chooseForRetention(request, session, now);
    case 'sweep':
      return none;
  }
}

type RequestOf<Kind> = Extract<PlanRequest, { kind: Kind }>;

function chooseForCleanup(
  request: RequestOf<'cleanup'>,
  session: SessionRow,
  { policy, nowMs }: Circumstances,
): Choice {
  const isSoft = request.mode === 'soft';
  if (request.sessionId !== undefined) {
    if (isSoft) return { files: 'active', goForGood: false };
    return session.hold ? none : { files: 'all', goForGood: true };
  }
  const next = nextStep(session, policy);
  if (!next || next.dueAtMs > nowMs) return none;
  if (isSoft && next.step === 'soft') return { files: 'active', goForGood: false };
  if (!isSoft && next.step === 'purge') return { files: 'deleted', goForGood: true };
  return none;
}

/** Nothing of a live session goes for good, unless the session or the file was named. */
function chooseForPurge(request: RequestOf<'purge'>, session: SessionRow): Choice {
  const isNamed = request.sessionId !== undefined || request.fileIds !== undefined;
  if (session.hold || (!isNamed && session.state === 'live')) return none;
  return { files: 'deleted', goForGood: true };
}

/** Files that are due at once by the new spans and were not by the old ones. */
function chooseForRetention(
  request: RequestOf<'retention'>,
  session: SessionRow,
  { policy, nowMs }: Circumstances,
): Choice {
  const before = fateOf(session, policy, nowMs);
  const after = fateOf(changeSession(session, request), changePolicy(policy, request), nowMs);
  return worsening(before, after);
}

function worsening(before: Fate, after: Fate): Choice {
  if (before === after || before === 'purge' || after === 'stays') return none;
  return after === 'purge' ? { files: 'all', goForGood: true } : { files: 'active', goForGood: false };
}

/** The policy as a plan without a session would set it. What it leaves out stays. */
export function changePolicy(policy: RetentionPolicy, request: RequestOf<'retention'>): RetentionPolicy {
  const { softAfterMs, purgeAfterMs, idleAfterMs, spaceBytes } = policy;
  const before = { softAfterMs, purgeAfterMs, idleAfterMs, spaceBytes };
  if (request.sessionId !== undefined) return before;
  return {
    softAfterMs: request.softAfterMs ?? softAfterMs,
    purgeAfterMs: request.purgeAfterMs ?? purgeAfterMs,
    idleAfterMs: request.idleAfterMs === undefined ? idleAfterMs : request.idleAfterMs,
    spaceBytes: request.spaceBytes === undefined ? spaceBytes : request.spaceBytes,
  };
}

/** The session with its own spans as a plan for it would set them. */
export function changeSession<Session extends SpansOfItsOwn>(
  session: Session,
  request: RequestOf<'retention'>,
): Session {
  if (request.sessionId === undefined) return session;
  const { softAfterMs = session.softAfterMs, purgeAfterMs = session.purgeAfterMs } = request;
  return { ...session, softAfterMs, purgeAfterMs };
}

interface SpansOfItsOwn {
  readonly softAfterMs: number | null;
  readonly purgeAfterMs: number | null;
}
