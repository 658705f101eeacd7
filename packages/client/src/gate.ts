// A bound on something that is used and given back: bytes under way, open files. First come, first served.

interface Waiter {
  readonly amount: number;
  /** Somebody who went away stays in the line until it has come to him. */
  isGone: boolean;
  enter(): void;
}

/** Those who were let in are cut off the line this many at a time: one by one each would cost as much as there are behind him. */
const cutAtOnce = 1_024;

export class Gate {
  #free: number;
  readonly #capacity: number;
  /** In the order in which they came; those before `#first` are in. */
  readonly #line: Waiter[] = [];
  #first = 0;

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
    if (this.tryEnter(amount)) return;
    const needed = Math.min(amount, this.#capacity);
    await new Promise<void>((resolve, reject) => {
      const onAbort = () => {
        waiter.isGone = true;
        this.#admit();
        reject(signal.reason);
      };
      const waiter: Waiter = {
        amount: needed,
        isGone: false,
        enter: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      this.#line.push(waiter);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Takes `amount` if it is free and nobody waits. @returns whether it did. */
  tryEnter(amount: number): boolean {
    const needed = Math.min(amount, this.#capacity);
    if (this.#first < this.#line.length || this.#free < needed) return false;
    this.#free -= needed;
    return true;
  }

  /** Gives back what `enter` took; call it with the same amount. */
  leave(amount: number): void {
    this.#free += Math.min(amount, this.#capacity);
    this.#admit();
  }

  #admit(): void {
    for (; this.#first < this.#line.length; this.#first++) {
      const waiter = this.#line[this.#first] as Waiter;
      if (waiter.isGone) continue;
      if (waiter.amount > this.#free) break;
      this.#free -= waiter.amount;
      waiter.enter();
    }
    if (this.#first < cutAtOnce && this.#first < this.#line.length) return;
    this.#line.splice(0, this.#first);
    this.#first = 0;
  }
}
