// How soon an operation goes again that the writer wants again.

import { askAgainAfterMs } from './clock.ts';
import type { Entry } from './entry.ts';
import { ClientError } from './errors.ts';

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

/**
 * Why an operation whose bytes the writer wants again cannot go again: a store that names bytes which were never this
 * client's to bring. Undefined for all others.
 */
export function whyNotAgain({ facts }: Entry): ClientError | undefined {
  const { name, operationId, stage } = facts;
  if (name !== 'file-store' || stage !== undefined) return undefined;
  return new ClientError(
    'GIVEN_UP',
    'expected the bytes to be where the operation says, got a writer that found none or others; nothing was stored, bring them again',
    { operationId },
  );
}
