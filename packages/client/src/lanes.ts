// One lane per session, for as long as it matters. Idle lanes are dropped beyond a bound; a session that comes
// back then goes on above every number that was ever dropped, which the writer takes for given-up numbers.

import { Lane } from './lane.ts';

/** Sessions whose numbers are remembered exactly; about 200 bytes each. */
const rememberedLanes = 10_000;

export class Lanes<T> {
  readonly #lanes = new Map<string, Lane<T>>();
  readonly #bound: number;
  #firstSequence: number;

  /** @param firstSequence where every session starts; above 1 when a former process had this producer id. */
  constructor(bound = rememberedLanes, firstSequence = 1) {
    this.#bound = bound;
    this.#firstSequence = firstSequence;
  }

  /** The lane of a session; made when the session has none. */
  of(sessionId: string): Lane<T> {
    const lane = this.#lanes.get(sessionId) ?? new Lane<T>(this.#firstSequence);
    this.#lanes.delete(sessionId);
    this.#lanes.set(sessionId, lane);
    if (this.#lanes.size > this.#bound) this.#dropIdle(sessionId);
    return lane;
  }

  get size(): number {
    return this.#lanes.size;
  }

  /** Least recently used first; lanes with something under way stay, beyond the bound if need be. */
  #dropIdle(except: string): void {
    for (const [sessionId, lane] of this.#lanes) {
      if (this.#lanes.size <= this.#bound) return;
      if (!lane.isIdle || sessionId === except) continue;
      this.#firstSequence = Math.max(this.#firstSequence, lane.nextSequence);
      this.#lanes.delete(sessionId);
    }
  }
}
