// Time is passed in, everywhere, so that tests own it.

export interface Clock {
  /** Wall clock in milliseconds since 1970, UTC. */
  nowMs(): number;
}

export const systemClock: Clock = Object.freeze({ nowMs: () => Date.now() });
