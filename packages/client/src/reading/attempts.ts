// How often something is tried, and how long it rests in between: 0.2, 0.4, 0.8 ... 5 s, spread, or what the dashboard asks for.

import { type Clock, pause } from '../clock.ts';
import { ClientError } from '../errors.ts';

const firstRestMs = 200;
const longestRestMs = 5_000;
/** However much came each time: whoever breaks every connection after a byte gets no endless reader. */
const mostInAll = 100;

export class Attempts {
  readonly #clock: Clock;
  readonly #mostInARow: number;
  #inARow = 0;
  #all = 0;

  constructor(clock: Clock, mostInARow: number) {
    this.#clock = clock;
    this.#mostInARow = mostInARow;
  }

  /** Something came: the next failure is the first one again. */
  progressed(): void {
    this.#inARow = 0;
  }

  /**
   * Rests before the next try.
   * @throws what went wrong when another try cannot help, or was the last; the ending's reason when that is first.
   */
  async rest(error: unknown, ending: AbortSignal): Promise<void> {
    ending.throwIfAborted();
    this.#inARow++;
    this.#all++;
    const passing = error instanceof ClientError && error.code === 'API_UNAVAILABLE';
    if (!passing || this.#inARow >= this.#mostInARow || this.#all >= mostInAll) throw error;
    const restMs = Math.min(firstRestMs * 2 ** (this.#inARow - 1), longestRestMs);
    await pause(
      this.#clock,
      Math.max(restMs * (0.5 + Math.random() / 2), error.facts.retryAfterMs ?? 0),
      ending,
    );
  }
}
