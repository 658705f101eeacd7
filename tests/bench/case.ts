// What a bench case is, and how its contestants take turns.

import type { Series } from './results.ts';
import type { Drained, Place } from './rig/drain.ts';
import type { Program } from './rig/processes.ts';

/** How much is measured. */
export interface Sizes {
  /** Rounds in which every contestant runs once. */
  readonly rounds: number;
  /** A case begins no further round after this, in milliseconds. */
  readonly caseBudgetMs: number;
  /** Operations per run; slow contestants get a part of it, because a rate needs no more. */
  readonly operations: number;
  readonly warmUp: number;
  /** Operations whose latency is taken one by one. */
  readonly lonelyOperations: number;
  /** Files in the database of the metadata case and of the smaller of the two that are compared. */
  readonly fewFiles: number;
  readonly manyFiles: number;
  readonly pages: number;
}

export const fullSizes: Sizes = {
  rounds: 5,
  caseBudgetMs: 110_000,
  operations: 10_000,
  warmUp: 2_000,
  lonelyOperations: 300,
  fewFiles: 10_000,
  manyFiles: 1_000_000,
  pages: 500,
};

export const shortSizes: Sizes = {
  rounds: 1,
  caseBudgetMs: 1,
  operations: 2_000,
  warmUp: 500,
  lonelyOperations: 50,
  fewFiles: 2_000,
  manyFiles: 20_000,
  pages: 100,
};

export interface Context {
  readonly sizes: Sizes;
  /** Tells whoever waits what is going on. */
  readonly say: (text: string) => void;
}

export interface Case {
  readonly name: string;
  readonly what: string;
  run(context: Context): Promise<Series[]>;
  /** One run of one contestant ('ours' or a peer) with arguments for its Node; absent where there is nothing to profile. */
  profile?(context: Context, contestant: string, change: (program: Program) => Program): Promise<Drained>;
}

export type { Drained, Place, Program };

/**
 * Runs every contestant once per round, each round beginning with another one, so that neither drift nor order favours
 * anybody.
 * @returns the figures of each, one per round.
 */
export async function interleave<Name extends string>(
  { sizes, say }: Context,
  contestants: Readonly<Record<Name, () => Promise<number>>>,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(contestants) as Name[];
  const figures = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, number[]>;
  const startedAt = performance.now();
  for (let round = 0; round < sizes.rounds; round++) {
    if (round > 0 && performance.now() - startedAt > sizes.caseBudgetMs) break;
    for (const name of [...names.slice(round % names.length), ...names.slice(0, round % names.length)]) {
      say(`round ${round + 1} of ${sizes.rounds}: ${name}`);
      figures[name].push(await contestants[name]());
    }
  }
  return figures;
}
