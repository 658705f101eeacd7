// Waiting in tests: for a promise or for a state, never longer than said, and with a word about what never came.

import { setTimeout as pause } from 'node:timers/promises';

/** How long a test waits for one thing unless it says otherwise, in milliseconds. The machine may be busy. */
export const patienceMs = 20_000;

/** How often a state is looked at that nobody announces, in milliseconds. */
const lookEveryMs = 10;

/** Settles as `promise` does. @throws Error naming `what` when that takes longer than `ms`. */
export async function within<T>(
  promise: Promise<T>,
  what: string | (() => string),
  ms = patienceMs,
): Promise<T> {
  const patience = new AbortController();
  const late = pause(ms, undefined, { signal: patience.signal }).then(() => {
    throw new Error(`expected ${typeof what === 'string' ? what : what()} within ${ms} ms, got nothing`);
  });
  late.catch(() => undefined); // aborted: the promise came first
  try {
    return await Promise.race([promise, late]);
  } finally {
    patience.abort();
  }
}

/**
 * Looks until `look` gives something else than undefined, null or false.
 * @throws Error naming `what` when that takes longer than `ms`.
 */
export async function until<T>(
  look: () => T | Promise<T>,
  what: string | (() => string),
  ms = patienceMs,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + ms;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== null && seen !== false) return seen;
    if (performance.now() > deadline) {
      throw new Error(
        `expected ${typeof what === 'string' ? what : what()} within ${ms} ms, got ${String(seen)}`,
      );
    }
    await pause(lookEveryMs);
  }
}
