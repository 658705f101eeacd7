// Places for work that holds something open. So many at once, so many waiting, and nobody waits for ever.

import { ApiError } from './errors.ts';

export interface TurnLimits {
  readonly atOnce: number;
  readonly waiting: number;
  /** Patience of those who wait, in milliseconds. */
  readonly patienceMs: number;
}

export class Turns {
  readonly #limits: TurnLimits;
  readonly #line = new Set<() => void>();
  #taken = 0;

  constructor(limits: TurnLimits) {
    this.#limits = limits;
  }

  get taken(): number {
    return this.#taken;
  }

  /**
   * Waits for a place.
   * @returns gives the place back; calling it twice does no harm.
   * @throws ApiError BUSY
   */
  async take(): Promise<() => void> {
    if (this.#taken >= this.#limits.atOnce) await this.#wait();
    else this.#taken++;
    let given = false;
    return () => {
      if (given) return;
      given = true;
      this.#giveBack();
    };
  }

  /** The place of somebody who is done goes to whoever waits longest. */
  #giveBack(): void {
    const [next] = this.#line;
    if (next) next();
    else this.#taken--;
  }

  #wait(): Promise<void> {
    if (this.#line.size >= this.#limits.waiting) throw busy();
    return new Promise((resolve, reject) => {
      const mine = () => {
        clearTimeout(timer);
        this.#line.delete(mine);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#line.delete(mine);
        reject(busy());
      }, this.#limits.patienceMs);
      this.#line.add(mine);
    });
  }
}

function busy(): ApiError {
  return new ApiError(
    503,
    'BUSY',
    'expected a free place, got too many requests at once; try again in a second',
  );
}
