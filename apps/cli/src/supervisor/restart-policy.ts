// What to do when a child of the supervisor has gone. Pure: facts in, decision out.

import { exitCodes } from '../exit-codes.ts';

export interface ChildEnd {
  /** Undefined when a signal ended it. */
  readonly exitCode: number | undefined;
  /** True once any incarnation of this child has been ready. */
  readonly wasReady: boolean;
  /** Ends in a row, this one included, of incarnations that did not live `steadyAfterMs`. */
  readonly endsInRow: number;
}

export type Decision =
  | { readonly action: 'restart'; readonly delayMs: number }
  | { readonly action: 'give-up'; readonly exitCode: number };

const firstDelayMs = 200;
const longestDelayMs = 5_000;
/** A child that lived this long is well; its next end starts the count anew. */
export const steadyAfterMs = 10_000;
/** A child that has never been ready is given this many tries: what fails at the start is rarely mended by time. */
const triesAtStart = 4;
/** Endings that a restart does not mend: lock held, storage fault, configuration or schema. */
const finalCodes: readonly number[] = [
  exitCodes.lockHeld.code,
  exitCodes.storage.code,
  exitCodes.configuration.code,
];

export function decideAfterEnd({ exitCode, wasReady, endsInRow }: ChildEnd): Decision {
  if (exitCode !== undefined && finalCodes.includes(exitCode)) return { action: 'give-up', exitCode };
  if (!wasReady && endsInRow >= triesAtStart) return { action: 'give-up', exitCode: exitCodes.failed.code };
  return { action: 'restart', delayMs: Math.min(firstDelayMs * 2 ** (endsInRow - 1), longestDelayMs) };
}
