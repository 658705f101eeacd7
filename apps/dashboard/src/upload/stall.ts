// Ends the reading of a body when nothing came for too long.

import { ApiError } from '../api/errors.ts';

export class Stall {
  readonly #timer: NodeJS.Timeout;
  /** Of the reading that is waited for. A promise for all of them would hold on to every piece that was ever read. */
  #giveUp: ((error: ApiError) => void) | undefined;

  constructor(stallMs: number) {
    this.#timer = setTimeout(() => this.#giveUp?.(stalled(stallMs)), stallMs);
  }

  /** Not ended by leaving it early: the request has to stay open for its answer. */
  async *watch<T>(source: AsyncIterable<T>): AsyncGenerator<T> {
    const from = 'iterator' in source ? (source as unknown as Iterating<T>).iterator(keepOpen) : source;
    const iterator = from[Symbol.asyncIterator]();
    for (;;) {
      const next = await new Promise<IteratorResult<T>>((resolve, reject) => {
        this.#giveUp = reject;
        iterator.next().then(resolve, reject);
      });
      if (next.done) return;
      yield next.value;
      this.#timer.refresh(); // the disk may have taken its time
    }
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

function stalled(stallMs: number): ApiError {
  const message = `expected the body to go on, got nothing for ${stallMs / 1_000} s; send it again`;
  return new ApiError(408, 'BODY_STALLED', message);
}

/** A stream of Node. */
interface Iterating<T> {
  iterator(options: { destroyOnReturn: boolean }): AsyncIterable<T>;
}
const keepOpen = { destroyOnReturn: false };
