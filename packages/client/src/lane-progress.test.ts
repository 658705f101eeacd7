// The lane against a writer that keeps to the rules and a world that does not: jobs are lost and reordered,
// answers lost, doubled and late. Whatever happens, everything settles, in order.

import { describe, expect, test } from 'vitest';
import { Lane } from './lane.ts';

interface Job {
  readonly sequence: number;
  readonly previous: number;
}
interface Answer {
  readonly sequence: number;
  readonly kind: 'settled' | 'out-of-order';
}

/** A repeatable source of chance (mulberry32). */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

class World {
  readonly lane = new Lane<number>();
  readonly queue: Job[] = [];
  readonly answers: Answer[] = [];
  readonly effects: number[] = [];
  readonly givenUp = new Set<number>();
  #last = 0;
  readonly #random: () => number;
  readonly #trouble: number;

  constructor(seed: number, trouble: number) {
    this.#random = chance(seed);
    this.#trouble = trouble;
  }

  get #strikes(): boolean {
    return this.#random() < this.#trouble;
  }

  call(): void {
    this.lane.number(this.lane.nextSequence);
  }

  send(): void {
    for (let next = this.lane.takeNext(); next; next = this.lane.takeNext()) {
      if (this.#strikes) continue; // the add is lost
      const at = this.#strikes ? Math.floor(this.#random() * (this.queue.length + 1)) : this.queue.length;
      this.queue.splice(at, 0, { sequence: next.sequence, previous: next.previous });
    }
  }

  /** The writer's rule, as DESIGN states it. */
  write(): void {
    const job = this.queue.shift();
    if (job === undefined) return;
    const { sequence } = job;
    const inOrder = job.previous <= this.#last;
    if (sequence > this.#last && inOrder) {
      this.#last = sequence;
      this.effects.push(sequence);
    }
    const kind = sequence <= this.#last ? 'settled' : 'out-of-order';
    for (let copies = this.#strikes ? 0 : this.#strikes ? 2 : 1; copies > 0; copies--) {
      const at = this.#strikes ? Math.floor(this.#random() * (this.answers.length + 1)) : this.answers.length;
      this.answers.splice(at, 0, { sequence, kind });
    }
  }

  hear(): void {
    const answer = this.answers.shift();
    if (answer === undefined) return;
    if (answer.kind === 'settled') {
      this.lane.settle(answer.sequence);
      return;
    }
    const suspect = this.lane.outOfOrder(answer.sequence);
    if (suspect !== undefined) this.look(suspect);
  }

  look(sequence: number): void {
    if (this.queue.some((job) => job.sequence === sequence)) this.lane.trust(sequence);
    else this.lane.ready(sequence);
  }

  /** Everything that is silent is looked at, as the timer does. */
  ask(): void {
    for (let sequence = 1; sequence < this.lane.nextSequence; sequence++) {
      const phase = this.lane.phase(sequence);
      if (phase === 'open') {
        if (this.#strikes) {
          this.lane.giveUp(sequence); // its source failed: it was never sent
          this.givenUp.add(sequence);
        } else {
          this.lane.ready(sequence);
        }
      } else if (phase === 'sent' || phase === 'doubted') {
        this.look(sequence);
      }
    }
  }

  step(): void {
    const dice = this.#random();
    if (dice < 0.35) this.write();
    else if (dice < 0.7) this.hear();
    else if (dice < 0.95) this.send();
    else this.ask();
  }
}

describe('progress', () => {
  test.each([0, 0.05, 0.3, 0.6])('everything settles in order, trouble %s', (trouble) => {
    for (let seed = 1; seed <= 60; seed++) {
      const world = new World(seed, trouble);
      const operations = 25;
      let steps = 0;
      for (let called = 0; called < operations || !world.lane.isIdle; steps++) {
        if (called < operations && steps % 3 === 0) {
          world.call();
          called++;
        }
        world.step();
        expect(steps, `seed ${seed} makes no progress`).toBeLessThan(20_000);
      }
      const expected = Array.from({ length: operations }, (_, n) => n + 1).filter(
        (n) => !world.givenUp.has(n),
      );
      expect(world.effects, `seed ${seed}`).toEqual(expected);
    }
  });
});
