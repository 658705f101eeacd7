// What a client says when it has to wait for others: for room in Redis, for its VM's place in the queue, or for a writer.

import { ClientError } from './errors.ts';
import type { WaitReason } from './staging-calls.ts';

/**
 * Why a client waits. `budget`: all producers together have staged as much as they may. `share`: this VM has. `line`: others came
 * first. `writer`: no writer has prepared this Redis yet. `queue`: this VM has as many operations queued as it may.
 */
export type BackpressureReason = WaitReason | 'queue';

/** Told when waiting begins, when its reason changes, and when it is over; never once per operation. */
export interface Backpressure {
  readonly isWaiting: boolean;
  readonly reason: BackpressureReason;
  /** The operation that is next to go on. */
  readonly operationId: string;
  /** Bytes that it needs, or 1 operation. */
  readonly needed: number;
  /** In use and in all: bytes, or operations where the reason is `queue`. 0 where the reason is `writer`. */
  readonly used: number;
  readonly limit: number;
}

export type OnBackpressure = (facts: Backpressure) => void;

/** Calls back without letting an agent's mistake stop the way of its bytes. */
export function tellSafely<T>(listener: ((facts: T) => void) | undefined, facts: T): void {
  try {
    listener?.(Object.freeze(facts));
  } catch {
    // what a callback throws has nothing to do with the operation
  }
}

/** The error for an operation that has waited until its deadline. */
export function waitedTooLong(facts: Backpressure): ClientError {
  const { operationId, reason, needed, used, limit } = facts;
  if (reason === 'queue') return quota(operationId, used, limit);
  if (reason === 'writer') {
    return new ClientError(
      'REDIS_UNAVAILABLE',
      'expected Redis to be prepared by a writer before the deadline, got one that no writer has used since it was started; nothing was stored, start the writer and call again',
      { operationId },
    );
  }
  return new ClientError(
    'OVER_BUDGET',
    `expected room for ${needed} staged bytes before the deadline, got ${used} of ${limit} in use; nothing was stored, call again when the writer has caught up`,
    { operationId },
  );
}

/** More than may ever be staged at once. */
export function neverFits(operationId: string, needed: number, limitBytes: number): ClientError {
  return new ClientError(
    'OVER_BUDGET',
    `expected content to fit into the ${limitBytes} bytes that one VM may have staged, got ${needed}; nothing was stored, raise FILEFLEET_STAGED_TOTAL_BYTES of the writer or split the content`,
    { operationId },
  );
}

export function quota(operationId: string, used: number, limit: number): ClientError {
  return new ClientError(
    'QUOTA',
    `expected this VM to have less than ${limit} operations under way, got ${used}; nothing was stored, call again when the writer has caught up`,
    { operationId },
  );
}
