// Numbers that look random and are the same for the same seed, so that a failing run can be run again.

import { createHash } from 'node:crypto';

export interface Random {
  /** A whole number from 0 to below `bound`. */
  below(bound: number): number;
  /** True this often: `share` from 0 to 1. */
  chance(share: number): boolean;
  /** One of these. @throws RangeError when there are none. */
  pick<T>(choices: readonly T[]): T;
}

/** @param seed any text: what it is for belongs into it, so that two streams of one run differ. */
export function randomOf(seed: string): Random {
  let state = createHash('sha256').update(seed).digest().readUInt32LE();
  // mulberry32: 32 bits of state are plenty for choosing victims and moments.
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (bound: number): number => Math.floor(next() * bound);
  return {
    below,
    chance: (share) => next() < share,
    pick: (choices) => {
      const choice = choices[below(choices.length)];
      if (choice === undefined) throw new RangeError('expected something to choose from, got nothing');
      return choice;
    },
  };
}
