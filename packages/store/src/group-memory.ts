// What a group would write again and again: the last number of a producer's session, the activity of a session. Kept in
// memory while the group is applied and written once, before its COMMIT. Changed only after an operation was settled, so a
// savepoint that is rolled back has nothing to undo here.

import type { Database } from 'better-sqlite3';
import { lastSequence, type Numbers, settleSequence } from './sequences.ts';
import { touchSession } from './sessions.ts';

export class GroupMemory {
  readonly #db: Database;
  /** Last settled sequences that this group read or raised, by producer and session. */
  readonly #last = new Map<string, number>();
  readonly #raised = new Map<string, Numbers>();
  readonly #active = new Set<string>();

  constructor(db: Database) {
    this.#db = db;
  }

  /** The last settled sequence, this group's included; 0 when none is. */
  lastSequence(numbers: Numbers): number {
    const key = keyOf(numbers);
    const known = this.#last.get(key);
    if (known !== undefined) return known;
    const last = lastSequence(this.#db, numbers.producer, numbers.sessionId);
    this.#last.set(key, last);
    return last;
  }

  /** Notes that a number is settled. Never lowers. */
  settle(numbers: Numbers): void {
    if (numbers.sequence <= this.lastSequence(numbers)) return;
    const key = keyOf(numbers);
    this.#last.set(key, numbers.sequence);
    this.#raised.set(key, numbers);
  }

  /** Notes activity of a session. */
  noteActivity(sessionId: string): void {
    this.#active.add(sessionId);
  }

  /** Writes down activity that was noted so far, before an operation that asks for the session's state. */
  reopen(sessionId: string, nowMs: number): void {
    // Stays noted: should the operation's savepoint be rolled back, this goes with it.
    if (this.#active.has(sessionId)) touchSession(this.#db, sessionId, nowMs);
  }

  /** Notes that a session was ended after what was noted so far. */
  noteEnd(sessionId: string): void {
    this.#active.delete(sessionId);
  }

  /** Writes it down, in the group's transaction. */
  flush(nowMs: number): void {
    for (const numbers of this.#raised.values()) settleSequence(this.#db, numbers, nowMs);
    for (const sessionId of this.#active) touchSession(this.#db, sessionId, nowMs);
  }
}

/** Producers are UUIDs without this separator. */
const keyOf = (numbers: Numbers): string => `${numbers.producer} ${numbers.sessionId}`;
