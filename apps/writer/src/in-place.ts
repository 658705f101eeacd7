// Waiting for the machine in place: what failed because a disk is full, a database is locked or a Redis is loading is done
// again after a while, visibly, instead of being handed back to the queue, where it would lose its place.

import { setTimeout as wait } from 'node:timers/promises';
import { isPassing, machineFault } from '@filefleet/store';
import { ReplyError } from 'ioredis';
import { backoffMs } from './backoff.ts';
import { ConnectionLost } from './chunk-line.ts';

/** Why and how long somebody waits. */
export interface Waiting {
  readonly code: string;
  readonly message: string;
  /** Tries so far. */
  readonly attempt: number;
  readonly retryInMs: number;
}

/** Called before each wait. */
export type OnWaiting = (waiting: Waiting) => void | Promise<void>;

/**
 * Does the work, again and again as long as what is in its way can be trusted to pass.
 * @param pause how to wait; tests have no time.
 * @throws what cannot: a StoreError for the machine's faults, anything else as it is.
 */
export async function inPlace<T>(
  work: () => Promise<T>,
  onWaiting: OnWaiting,
  pause: (ms: number) => Promise<unknown> = (ms) => wait(ms, undefined, { ref: false }),
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const fault = machineFault(error) ?? error;
      const code = passingCode(fault);
      if (code === undefined) throw fault;
      const retryInMs = backoffMs(attempt);
      const message = fault instanceof Error ? fault.message : String(fault);
      await onWaiting({ code, message, attempt, retryInMs });
      await pause(retryInMs);
    }
  }
}

/** States of a Redis that end by themselves or by an operator's hand; it names them first in its answer. */
const passingReplies = new Set(
  'BUSY CLUSTERDOWN LOADING MASTERDOWN MISCONF NOREPLICAS OOM READONLY TRYAGAIN'.split(' '),
);

/** What ioredis rejects the rest of a pipeline with whose connection ended half-way: it sends only whole ones again. */
const aborted = 'AbortError';

/** Undefined: will not pass. */
function passingCode(fault: unknown): string | undefined {
  if (isPassing(fault)) return (fault as { code: string }).code;
  if (fault instanceof ConnectionLost) return 'CONNECTION_LOST';
  if (fault instanceof Error && fault.name === aborted) return 'CONNECTION_LOST';
  const word = fault instanceof ReplyError ? ((fault as Error).message.split(' ', 1)[0] ?? '') : '';
  return passingReplies.has(word) ? word : undefined;
}
