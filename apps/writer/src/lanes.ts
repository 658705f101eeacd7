// A lane per session: content is prepared side by side, entries are handed to the commit in the order in which they
// came. One slow upload holds back its own session only.

export class Lanes {
  readonly #tails = new Map<string, Promise<void>>();

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
    const submitted = inTurn(before, prepare(), submit);
    if (lane !== undefined) this.#append(lane, over(before, submitted));
    return submitted.then(({ result }) => result);
  }

  /** Sessions with something under way. */
  get size(): number {
    return this.#tails.size;
  }

  #append(lane: string, tail: Promise<void>): void {
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
  const ready = await prepared;
  if (before) await before;
  return { result: submit(ready) };
}

/** Resolves, with nothing that would be kept, when this place of the lane and all before it are over. */
async function over(before: Promise<unknown> | undefined, submitted: Promise<unknown>): Promise<void> {
  try {
    await submitted; // which waited for those before it
  } catch {
    await before; // its owner gets the error; a preparation can fail long before its turn has come
  }
}
