// What retention does next with a session, and when: a pure function of the session's row, the policy and the time.

import type { RetentionPolicy } from './slice.ts';

/** What decides: nothing else of a session, and nothing of its files. Times in milliseconds since 1970. */
export interface SessionLife {
  readonly state: 'live' | 'ended';
  readonly hold: boolean;
  readonly lastActivityAtMs: number;
  readonly endedAtMs: number | null;
  readonly cleanedAtMs: number | null;
  /** Spans of its own; null: the policy's. */
  readonly softAfterMs: number | null;
  readonly purgeAfterMs: number | null;
}

type Spans = Pick<RetentionPolicy, 'softAfterMs' | 'purgeAfterMs' | 'idleAfterMs'>;

export interface NextStep {
  /** It ends by itself, its files are deleted softly, or they go for good. */
  readonly step: 'end' | 'soft' | 'purge';
  readonly dueAtMs: number;
}

/** @returns undefined when retention has nothing to do with it, however long it waits: a hold, or live without an idle limit. */
export function nextStep(session: SessionLife, policy: Spans): NextStep | undefined {
  if (session.hold) return undefined;
  if (session.cleanedAtMs !== null)
    return { step: 'purge', dueAtMs: session.cleanedAtMs + (session.purgeAfterMs ?? policy.purgeAfterMs) };
  if (session.endedAtMs !== null)
    return { step: 'soft', dueAtMs: session.endedAtMs + (session.softAfterMs ?? policy.softAfterMs) };
  if (policy.idleAfterMs === null) return undefined;
  return { step: 'end', dueAtMs: session.lastActivityAtMs + policy.idleAfterMs };
}

/** What becomes of a session's files if retention does at this moment all that is due. */
export type Fate = 'stays' | 'soft' | 'purge';

export function fateOf(session: SessionLife, policy: Spans, nowMs: number): Fate {
  let fate: Fate = 'stays';
  for (let now = session; ; ) {
    const next = nextStep(now, policy);
    if (next === undefined || next.dueAtMs > nowMs) return fate;
    if (next.step === 'purge') return 'purge';
    if (next.step === 'soft') fate = 'soft';
    now = next.step === 'end' ? { ...now, state: 'ended', endedAtMs: nowMs } : { ...now, cleanedAtMs: nowMs };
  }
}
