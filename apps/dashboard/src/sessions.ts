// Who is logged in: session ids in memory, bounded, with a fixed end. An id is only ever made at a login; one that a
// browser brings along is looked up or ignored, never adopted. A restart ends all sessions.

import { randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';

/** A working day; the end does not move, so that a stolen cookie is of no use for ever. */
export const sessionMs = 12 * 3_600_000;
const sessionCount = 10_000;

export class Sessions {
  readonly #names: LRUCache<string, string>;

  /** @param now wall clock in milliseconds. */
  constructor(now: () => number) {
    this.#names = new LRUCache({ max: sessionCount, ttl: sessionMs, ttlResolution: 0, perf: { now } });
  }

  /** Starts a session. @returns its id: 256 random bits. */
  open(name: string): string {
    const id = randomBytes(32).toString('base64url');
    this.#names.set(id, name);
    return id;
  }

  /** The name that logged in, or undefined when the session ended or never was. */
  nameOf(id: string): string | undefined {
    return this.#names.get(id);
  }

  end(id: string): void {
    this.#names.delete(id);
  }
}
