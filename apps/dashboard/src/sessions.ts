// Who is logged in: session ids in memory, bounded, with a fixed end. An id is only ever made at a login; one that a
// browser brings along is looked up or ignored, never adopted. A restart ends all sessions.

import { randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Person } from './accounts.ts';

/** A working day; the end does not move, so that a stolen cookie is of no use for ever. */
export const sessionMs = 12 * 3_600_000;
const sessionCount = 10_000;

export class Sessions {
  readonly #people: LRUCache<string, Person>;

  /** @param now wall clock in milliseconds. */
  constructor(now: () => number) {
    this.#people = new LRUCache({ max: sessionCount, ttl: sessionMs, ttlResolution: 0, perf: { now } });
  }

  /** Starts a session. @returns its id: 256 random bits. */
  open(person: Person): string {
    const id = randomBytes(32).toString('base64url');
    this.#people.set(id, person);
    return id;
  }

  /** Who logged in, as they were then; undefined when the session ended or never was. Ask the accounts whether they may stay. */
  personOf(id: string): Person | undefined {
    return this.#people.get(id);
  }

  end(id: string): void {
    this.#people.delete(id);
  }
}
