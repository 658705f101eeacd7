// A clock that a test moves: what is due happens when the test lets the time pass, and at no other moment.

export interface ManualClock {
  nowMs(): number;
  schedule(delayMs: number, run: () => void): () => void;
  /** Lets time pass; everything that is due by then runs, in order. */
  advance(ms: number): void;
}

export function manualClock(startMs = Date.now()): ManualClock {
  let nowMs = startMs;
  const timers = new Set<{ readonly atMs: number; readonly run: () => void }>();
  return {
    nowMs: () => nowMs,
    schedule: (delayMs, run) => {
      const timer = { atMs: nowMs + delayMs, run };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance: (ms) => {
      const untilMs = nowMs + ms;
      for (;;) {
        const [next] = [...timers].filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs);
        if (next === undefined) break;
        timers.delete(next);
        nowMs = Math.max(nowMs, next.atMs);
        next.run();
      }
      nowMs = untilMs;
    },
  };
}
