// The retention clock of a session in words: what happens with it, when, and what keeps it from happening. Pure.

import type { RetentionFacts, SessionFacts } from '@filefleet/store';

export interface ClockStep {
  readonly name: string;
  /** What it means for the files. */
  readonly text: string;
  /** Milliseconds since 1970; undefined: not known yet, or never. */
  readonly atMs?: number | undefined;
  readonly state: 'done' | 'next' | 'later' | 'stopped';
}

export interface Clock {
  /** One sentence: what happens next, or why nothing does. */
  readonly summary: string;
  readonly steps: readonly ClockStep[];
}

type Life = Pick<
  SessionFacts,
  'hold' | 'endedAtMs' | 'cleanedAtMs' | 'lastActivityAtMs' | 'softAfterMs' | 'purgeAfterMs'
>;

/** Pure: the clock as it stands. @param policy in force; its spans count where the session has none of its own. */
export function clockOf(session: Life, policy: RetentionFacts): Clock {
  const { endedAtMs, cleanedAtMs, lastActivityAtMs } = session;
  const softAfterMs = session.softAfterMs ?? policy.softAfterMs;
  const purgeAfterMs = session.purgeAfterMs ?? policy.purgeAfterMs;
  const idleEndMs = policy.idleAfterMs === null ? undefined : lastActivityAtMs + policy.idleAfterMs;
  const endMs = endedAtMs ?? idleEndMs;
  const softMs = cleanedAtMs ?? (endMs === undefined ? undefined : endMs + softAfterMs);
  const purgeMs = softMs === undefined ? undefined : softMs + purgeAfterMs;
  const isDone = [true, endedAtMs !== null, cleanedAtMs !== null, false];
  const steps = [
    { name: 'Last used', text: 'Any operation in it starts the clock anew.', atMs: lastActivityAtMs },
    {
      name: 'Ends',
      text:
        endedAtMs === null && idleEndMs !== undefined
          ? 'By itself, unless it is used.'
          : 'From here the clock runs.',
      atMs: endMs,
    },
    { name: 'Files deleted', text: 'They can be restored until the purge.', atMs: softMs },
    { name: 'Purged', text: 'Rows and bytes go for good.', atMs: purgeMs },
  ];
  const next = isDone.indexOf(false);
  const state = (index: number): ClockStep['state'] => {
    if (isDone[index]) return 'done';
    if (session.hold) return 'stopped';
    return index === next ? 'next' : 'later';
  };
  return {
    summary: summaryOf(session, next, idleEndMs !== undefined),
    steps: steps.map((step, index) => ({
      ...step,
      state: state(index),
      atMs: session.hold && !isDone[index] ? undefined : step.atMs,
    })),
  };
}

function summaryOf(session: Life, next: number, endsByItself: boolean): string {
  if (session.hold) return 'Held: nothing of it is cleaned up or purged until somebody releases it.';
  if (next === 2) return 'Ended: its files are deleted next, and can be restored until the purge.';
  if (next === 3) return 'Its files are deleted; next they are purged. Restore the session to keep them.';
  return endsByItself
    ? 'Active: it ends by itself when nothing uses it.'
    : 'Active: nothing goes before somebody ends it, because the policy has no limit for idle sessions.';
}
