// Runs the cases one after the other, within a time: what is measured by then counts, the rest is named.

import { setTimeout as wait } from 'node:timers/promises';
import type { Case } from './case.ts';
import { type Result, resultOf } from './results.ts';
import type { Sizes } from './sizes.ts';

/** No case or round begins after this share of the time, so that what has begun can end. */
const startShare = 0.7;
/** What is still running after this share is left alone; its processes end with ours. */
const endShare = 0.93;

export interface Measured {
  readonly results: readonly Result[];
  /** Names of the cases for which the time was up. */
  readonly notMeasured: readonly string[];
}

/** @param limitMs the time for everything, in milliseconds. */
export async function measureAll(
  cases: readonly Case[],
  { sizes, say, limitMs }: { sizes: Sizes; say: (text: string) => void; limitMs: number },
): Promise<Measured> {
  const startedAt = performance.now();
  const results: Result[] = [];
  const notMeasured: string[] = [];
  for (const measured of cases) {
    const lastStart = startedAt + limitMs * startShare;
    const leftMs = startedAt + limitMs * endShare - performance.now();
    const context = { sizes, lastStart, say: (text: string) => say(`${measured.name}: ${text}`) };
    const series = performance.now() < lastStart ? await within(leftMs, measured.run(context)) : undefined;
    if (series) results.push(...series.map(resultOf));
    else notMeasured.push(measured.name);
  }
  return { results, notMeasured };
}

/** @returns undefined when it takes longer. */
async function within<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  const patience = new AbortController();
  try {
    return await Promise.race([work, wait(ms, undefined, { signal: patience.signal })]);
  } finally {
    patience.abort();
  }
}
