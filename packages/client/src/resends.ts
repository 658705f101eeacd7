// How soon an operation goes again that the writer wants again.

import { askAgainAfterMs } from './clock.ts';
import type { Entry } from './entry.ts';

/** Answers that want an operation again are followed at once this often; then ever more slowly. */
const promptResends = 4;

/** Counts answers that want it again since its lane last moved: one lost job sends all behind it back. */
export function countResend(entry: Entry): number {
  const { progress } = entry.facts.lane;
  if (entry.progressSeen !== progress) entry.resends = 0;
  entry.progressSeen = progress;
  return ++entry.resends;
}

/** How long to rest before it is sent again, in milliseconds. */
export function restMs(resends: number): number {
  return resends <= promptResends ? 0 : askAgainAfterMs(resends - promptResends - 1);
}
