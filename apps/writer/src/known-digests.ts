// Digests of large content that the writer holds, told to producers, so that they need not send the same bytes again. A
// bounded hint: a marker that is missing costs an upload, one that is stale costs a `resend CONTENT_MISSING`.

import { type Answer, knownTtlMs, limits, type RedisKeys } from '@filefleet/protocol';
import type { Command } from './fence.ts';

/** Commands that go with an answer after its COMMIT; none unless it says that large content is held. */
export function rememberKnown(keys: RedisKeys, answer: Answer, nowMs: number): Command[] {
  if (answer.outcome !== 'applied' || answer.digest === undefined) return [];
  if ((answer.size ?? 0) <= limits.knownBytesFrom) return [];
  return [
    ['ZADD', keys.known, nowMs + knownTtlMs, answer.digest],
    ['ZREMRANGEBYSCORE', keys.known, '-inf', nowMs],
    ['ZREMRANGEBYRANK', keys.known, 0, -(limits.knownDigests + 1)], // those that would expire first
  ];
}

/**
 * Commands for the turn that took the last reference to these digests, after its COMMIT and before anything is told of a later
 * one: then no marker outlives the bytes by more than what was told before.
 */
export function forgetKnown(keys: RedisKeys, digests: readonly string[]): Command[] {
  return digests.length === 0 ? [] : [['ZREM', keys.known, ...digests]];
}
