// How contestants take turns: every one once per round, each round beginning with another one, so that neither drift nor
// order favours anybody.

import type { Context } from './case.ts';
import type { Figure } from './results.ts';

/** @returns the figures of each contestant, one per round; fewer rounds than wished for when the time is up. */
export async function interleave<Name extends string, Taken = Figure>(
  { sizes, say, lastStart }: Context,
  contestants: Readonly<Record<Name, () => Promise<Taken>>>,
): Promise<Record<Name, Taken[]>> {
  const names = Object.keys(contestants) as Name[];
  const figures = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, Taken[]>;
  const until = Math.min(lastStart, performance.now() + sizes.caseBudgetMs);
  for (let round = 0; round < sizes.rounds; round++) {
    if (round > 0 && performance.now() > until) break;
    for (const name of rotated(names, round)) {
      say(`round ${round + 1} of ${sizes.rounds}: ${name}`);
      figures[name].push(await contestants[name]());
    }
  }
  return figures;
}

function rotated<Name>(names: readonly Name[], by: number): Name[] {
  const first = by % names.length;
  return [...names.slice(first), ...names.slice(0, first)];
}
