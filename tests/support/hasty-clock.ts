// A clock that runs faster than the one on the wall, for tests of things that happen after seconds or minutes.

export interface HastyClock {
  nowMs(): number;
  schedule(delayMs: number, run: () => void): () => void;
}

/** @param factor how many times faster; 20 turns two seconds into a tenth of one. */
export function hastyClock(factor: number): HastyClock {
  const start = Date.now();
  return {
    nowMs: () => Math.round(start + (Date.now() - start) * factor),
    schedule: (delayMs, run) => {
      const timer = setTimeout(run, delayMs / factor);
      return () => clearTimeout(timer);
    },
  };
}
