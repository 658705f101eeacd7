// A lane per session: content is prepared side by side, entries are handed to the commit in the order in which they
// came. One slow upload holds back its own session only.

export class Lanes {
  readonly #tails = new Map<string, Promise<unknown>>();

  /**
   * Enters synchronously: the place in the lane is that of the call.
   * @param lane undefined: no order to keep.
   * @param prepare starts at once.
   * @param submit called with what was prepared when all that entered this lane before has been submitted (or failed);
   *   the lane does not wait for its result, so that neighbours share a group.
   */
  enter<P, R>(
    lane: string | undefined,
    prepare: () => Promise<P>,
    submit: (prepared: P) => Promise<R>,
  ): Promise<R> {
    const before = lane === undefined ? undefined : this.#tails.get(lane);
    const prepared = prepare();
    const submitted = inTurn(before, prepared, submit);
    if (lane !== undefined) this.#append(lane, submitted);
    return submitted.then(({ result }) => result);
  }

  /** Sessions with something under way. */
  get size(): number {
    return this.#tails.size;
  }

  #append(lane: string, submitted: Promise<unknown>): void {
    const tail = submitted.then(
      () => undefined,
      () => undefined, // its owner gets the error; the lane only needs to know that it is over
    );
    this.#tails.set(lane, tail);
    void tail.then(() => {
      if (this.#tails.get(lane) === tail) this.#tails.delete(lane);
    });
  }
}

/** Wraps the result, so that waiting for the submission is not waiting for what it leads to. */
async function inTurn<P, R>(
  before: Promise<unknown> | undefined,
  prepared: Promise<P>,
  submit: (prepared: P) => Promise<R>,
): Promise<{ result: Promise<R> }> {
  const [ready] = await Promise.all([prepared, before]);
  return { result: submit(ready) };
}
