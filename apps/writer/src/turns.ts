// Whose turn it is, as far as this writer has seen. BullMQ can call its processor a little out of queue order when its
// queue fills while it is idle (1 2 4 3). An operation that comes before its predecessor waits for it here, a moment and
// no longer, because OUT_OF_ORDER would cost its producer a resend of everything behind it. The store decides; this only guesses.

import type { Answer } from '@filefleet/protocol';
import type { numbersOf } from '@filefleet/store';

/** Longest wait for a predecessor, in milliseconds: BullMQ's inversions last one or two; a lost predecessor never comes. */
export const holdMs = 50;
/** Operations that wait at once. Each keeps a place of the intake: behind a lost one the rest must not starve other sessions. */
export const heldAtMost = 64;
/** Producers' sessions whose last number is remembered. */
const rememberedLines = 10_000;

export type Numbers = NonNullable<ReturnType<typeof numbersOf>>;

/** Calls `run` after so many milliseconds. @returns how to call it off. */
export type Schedule = (run: () => void, ms: number) => () => void;

interface Held {
  readonly sequence: number;
  readonly previous: number;
  readonly enter: () => void;
}

/** One producer's operations of one session. */
interface Line {
  /** Highest sequence that has entered or was settled; what the store says counts more. */
  last: number;
  /** Those that wait, lowest sequence first. */
  readonly held: Held[];
  callOff: (() => void) | undefined;
}

/** Pure: early is who comes while the operation before it has neither entered nor is known to be settled. */
export function isEarly(numbers: Pick<Numbers, 'sequence' | 'previous'>, last: number): boolean {
  return numbers.sequence > last && numbers.previous > last;
}

/** Pure: the last sequence to be believed in after an answer of the store. */
export function lastAfter(last: number, numbers: Numbers, answer: Answer): number {
  if (answer.outcome !== 'resend') return Math.max(last, numbers.sequence);
  return Math.min(last, answer.expected === undefined ? numbers.previous : answer.expected - 1);
}

export class Turns {
  readonly #lines = new Map<string, Line>();
  readonly #schedule: Schedule;
  readonly #remembered: number;
  #held = 0;

  constructor(schedule: Schedule = startTimer, remembered = rememberedLines) {
    this.#schedule = schedule;
    this.#remembered = remembered;
  }

  /** Operations that wait for their predecessor. */
  get held(): number {
    return this.#held;
  }

  /** Producers' sessions that are remembered. */
  get size(): number {
    return this.#lines.size;
  }

  /**
   * Calls `enter` at once, in the call, or when the predecessor has entered or the patience is over. Those who wait enter
   * in the order of their numbers, and nobody enters before a lower number that waits, unless its producer gave that up.
   * @param numbers undefined: no order to keep.
   */
  take<R>(numbers: Numbers | undefined, enter: () => Promise<R>): Promise<R> {
    if (!numbers) return enter();
    const line = this.#lineOf(numbers);
    if (isEarly(numbers, line.last)) return this.#hold(line, numbers, enter);
    line.last = Math.max(line.last, numbers.sequence);
    const entered = enter();
    this.#releaseFollowers(line);
    return entered;
  }

  /** Notes what the store said: it knows better. */
  answered(numbers: Numbers, answer: Answer): void {
    const line = this.#lines.get(keyOf(numbers));
    if (!line) return;
    line.last = lastAfter(line.last, numbers, answer);
    this.#releaseFollowers(line);
  }

  #hold<R>(line: Line, { sequence, previous }: Numbers, enter: () => Promise<R>): Promise<R> {
    return new Promise<R>((resolve) => {
      const after = line.held.findIndex((other) => other.sequence > sequence);
      const held = { sequence, previous, enter: () => resolve(enter()) };
      line.held.splice(after < 0 ? line.held.length : after, 0, held);
      this.#held += 1;
      if (this.#held > heldAtMost) this.#release(line, line.held.length);
      else line.callOff ??= this.#schedule(() => this.#release(line, line.held.length), holdMs);
    });
  }

  #releaseFollowers(line: Line): void {
    let last = line.last;
    let count = 0;
    for (const held of line.held) {
      if (isEarly(held, last)) break;
      last = Math.max(last, held.sequence);
      count += 1;
    }
    if (count > 0) this.#release(line, count);
  }

  /** Lets the first of those who wait go, whether it is their turn or not. */
  #release(line: Line, count: number): void {
    const released = line.held.splice(0, count);
    this.#held -= released.length;
    if (line.held.length === 0) {
      line.callOff?.();
      line.callOff = undefined;
    }
    for (const { sequence, enter } of released) {
      line.last = Math.max(line.last, sequence);
      enter();
    }
  }

  /** Moves the line to the end of those to be forgotten. */
  #lineOf(numbers: Numbers): Line {
    const key = keyOf(numbers);
    const line = this.#lines.get(key) ?? { last: 0, held: [], callOff: undefined };
    this.#lines.delete(key);
    this.#lines.set(key, line);
    if (this.#lines.size > this.#remembered) this.#forgetOldest();
    return line;
  }

  #forgetOldest(): void {
    for (const [key, { held }] of this.#lines) {
      if (held.length > 0) continue; // somebody waits there; at most `heldAtMost` lines are passed over
      this.#lines.delete(key);
      return;
    }
  }
}

/** Producers are UUIDs without this separator. */
const keyOf = ({ producer, sessionId }: Numbers): string => `${producer} ${sessionId}`;

function startTimer(run: () => void, ms: number): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}
