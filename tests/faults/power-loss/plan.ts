// The plan of a run: when the power goes. Nothing but the seed decides it.

import { randomOf } from '../load/random.ts';

/** The VMs that produce while VM0 loses its power. */
export const vms = ['vm1', 'vm2'] as const;

export type Moment =
  /** In the middle of whatever is going on, this long after the burst began. */
  | { readonly kind: 'random'; readonly afterMs: number }
  /**
   * As soon as a producer has the receipt of a large file that was alone: any later fsync on its disk would have taken it
   * along, which is how a missing one hides.
   */
  | { readonly kind: 'receipt'; readonly sizeBytes: number };

export interface Cycle {
  /** Calls that each producer makes at the beginning of the cycle. */
  readonly calls: number;
  readonly moment: Moment;
  /** False: the power goes again while the writer still starts. */
  readonly waitsForRecovery: boolean;
}

/** A pipeline takes about this long for one burst. */
const longestMomentMs = 400;

export function planCycles(seed: string, count: number): Cycle[] {
  const random = randomOf(`${seed}/power`);
  return Array.from({ length: count }, (_, index) => ({
    calls: 5 + random.below(30),
    moment:
      index % 2 === 0
        ? { kind: 'random', afterMs: random.below(longestMomentMs) }
        : { kind: 'receipt', sizeBytes: 66_000 + random.below(400_000) },
    waitsForRecovery: !random.chance(0.15),
  }));
}
