// Time, passed in, so that tests own it.

export interface Clock {
  /** Milliseconds since 1970. */
  nowMs(): number;
  /** Calls `run` once after `delayMs` milliseconds. The function returned takes it back. */
  schedule(delayMs: number, run: () => void): () => void;
}

export const systemClock: Clock = Object.freeze({
  nowMs: () => Date.now(),
  schedule: (delayMs: number, run: () => void) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
});

/** Resolves after `delayMs`, or rejects with the signal's reason as soon as it is aborted. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = () => {
      cancel();
      reject(signal.reason);
    };
    const cancel = clock.schedule(delayMs, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

const firstAskMs = 2_000;
const lastAskMs = 60_000;

/** How long to wait before asking for the `count`-th time (from 0): 2, 4, 8 ... 60 s. */
export function askAgainAfterMs(count: number): number {
  return Math.min(firstAskMs * 2 ** Math.min(count, 10), lastAskMs);
}
