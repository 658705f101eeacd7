// When a call has to end before it is done: at its deadline, or when its caller says so. The reason of the signal is the
// error to throw.

import type { Clock } from '../clock.ts';
import { ClientError } from '../errors.ts';

/** What every call of the reading half may be given. */
export interface ReadOptions {
  /** Ends the call; it rejects with ABORTED. */
  readonly signal?: AbortSignal;
  /** How long the call may take, in milliseconds, with all its tries. */
  readonly deadlineMs?: number;
}

export interface Ending {
  readonly signal: AbortSignal;
  /** Ends the call at once. */
  abort(reason: unknown): void;
  /** The call is done: nothing ends it any more. */
  done(): void;
}

export function makeEnding(clock: Clock, { signal, deadlineMs }: ReadOptions): Ending {
  const controller = new AbortController();
  const abort = (reason: unknown) => controller.abort(aborted(reason));
  const onAbort = () => abort(signal?.reason);
  if (signal?.aborted) onAbort();
  else signal?.addEventListener('abort', onAbort, { once: true });
  const cancel =
    deadlineMs === undefined
      ? undefined
      : clock.schedule(deadlineMs, () => controller.abort(timedOut(deadlineMs)));
  return {
    signal: controller.signal,
    abort,
    done: () => {
      cancel?.();
      signal?.removeEventListener('abort', onAbort);
    },
  };
}

function aborted(cause: unknown): ClientError {
  return new ClientError(
    'ABORTED',
    'expected the call to go on, got an abort from its caller',
    {},
    { cause },
  );
}

function timedOut(deadlineMs: number): ClientError {
  return new ClientError(
    'TIMED_OUT',
    `expected the call to be done within ${deadlineMs} ms, got its deadline; give it a longer deadlineMs`,
  );
}
