// Clocks for tests: one that runs faster than the one on the wall, for things that happen after seconds or minutes,
// and one that stands still, for things that must happen without waiting for a time.

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

/** The time never comes when anything is due; short pauses still end. */
export function frozenClock(): HastyClock {
  const nowMs = Date.now();
  return { ...hastyClock(1), nowMs: () => nowMs };
}
