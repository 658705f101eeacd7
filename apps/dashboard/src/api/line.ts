// One request after the other, in the order in which they came: each gets a round of the event loop of its own. Without this, a
// thousand requests that arrived together are all answered before the loop looks at its sockets again; it takes one new
// connection per round, so that newcomers wait for thousands of answers to others.

export class Line {
  readonly #waiting: (() => void)[] = [];

  get length(): number {
    return this.#waiting.length;
  }

  /** Resolves when it is this caller's turn; what it does then without waiting is done before the next one's turn. */
  async turn(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#waiting.push(resolve) === 1) setImmediate(this.#next);
    await promise;
  }

  readonly #next = (): void => {
    this.#waiting.shift()?.();
    if (this.#waiting.length > 0) setImmediate(this.#next);
  };
}
