// A bound on something that is used and given back: bytes under way, open files. First come, first served.

interface Waiter {
  readonly amount: number;
  enter(): void;
}

export class Gate {
  #free: number;
  readonly #capacity: number;
  readonly #waiters = new Set<Waiter>();

  /** @param capacity how much may be in use at once, in the unit of the caller. */
  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#free = capacity;
  }

  /**
   * Waits until `amount` is free and takes it. More than the whole capacity counts as all of it.
   * @throws the signal's reason when it is aborted before that.
   */
  async enter(amount: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const needed = Math.min(amount, this.#capacity);
    if (this.#waiters.size === 0 && this.#free >= needed) {
      this.#free -= needed;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const onAbort = () => {
        this.#waiters.delete(waiter);
        this.#admit();
        reject(signal.reason);
      };
      const waiter: Waiter = {
        amount: needed,
        enter: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      this.#waiters.add(waiter);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Gives back what `enter` took; call it with the same amount. */
  leave(amount: number): void {
    this.#free += Math.min(amount, this.#capacity);
    this.#admit();
  }

  #admit(): void {
    for (const waiter of this.#waiters) {
      if (waiter.amount > this.#free) return;
      this.#free -= waiter.amount;
      this.#waiters.delete(waiter);
      waiter.enter();
    }
  }
}
