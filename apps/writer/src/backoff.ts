// How long to wait before the same is tried again in place. Environment faults only: an operation's own fault is
// refused at once and never tried again.

const firstMs = 100;
const longestMs = 5_000;

/** Pure: milliseconds to wait after the given attempt (from 1). Doubles from 0.1 s to 5 s. */
export function backoffMs(attempt: number): number {
  return Math.min(longestMs, firstMs * 2 ** (attempt - 1));
}
