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

/**
 * Settles as `result` does, or rejects after `delayMs`.
 * @param late called then, for the error.
 */
export function within<T>(clock: Clock, delayMs: number, result: Promise<T>, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.schedule(delayMs, () => reject(late()));
    result.then(
      (value) => {
        cancel();
        resolve(value);
      },
      (error) => {
        cancel();
        reject(error);
      },
    );
  });
}

/** Waits for `result`, but no longer than `delayMs`, and does not care how it ends. */
export async function soon(clock: Clock, delayMs: number, result: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<void>();
  const cancel = clock.schedule(delayMs, late.resolve);
  await Promise.race([result, late.promise]);
  cancel();
}

/**
 * Lets `use` go on until `delayMs` are over or `ending` is aborted; its signal says so, with the reason.
 * @param late called when the time is over, for the reason.
 */
export async function patiently<T>(
  clock: Clock,
  delayMs: number,
  ending: AbortSignal,
  late: () => Error,
  use: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const patience = new AbortController();
  const cancel = clock.schedule(delayMs, () => patience.abort(late()));
  try {
    return await use(AbortSignal.any([patience.signal, ending]));
  } finally {
    cancel();
  }
}
