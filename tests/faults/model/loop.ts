// The model test in runs of some thousand steps, until so many operations have been tried. A run that differs is made smaller.

import fc from 'fast-check';
import { Difference } from './compare.ts';
import { type Count, newCount, runSteps } from './run.ts';
import { anyStep, type Step } from './steps.ts';

export interface ModelOptions {
  readonly operations: number;
  readonly seed: number;
  /** Steps of one run, on one store. */
  readonly stepsPerRun?: number;
  /** SQL that breaks the database behind the store's back, for runs that must go red. */
  readonly sabotage?: string;
  /** How long a failing run is made smaller, in milliseconds. */
  readonly shrinkForMs?: number;
  readonly onProgress?: (count: Count, seconds: number) => void;
}

/** @returns what was tried, all of it without a difference. @throws Difference with the smallest run that was found */
export async function runModel(options: ModelOptions): Promise<Count & { readonly seconds: number }> {
  const { operations, seed, stepsPerRun = 2_000, sabotage, shrinkForMs = 8_000, onProgress } = options;
  const startedAt = performance.now();
  const seconds = () => Math.round((performance.now() - startedAt) / 1_000);
  const count = newCount();
  const lists = fc.array(anyStep, { minLength: stepsPerRun, maxLength: stepsPerRun, size: 'max' });
  for (let run = 0; count.operations < operations; run++) {
    const steps = fc.sample(lists, { numRuns: 1, seed: (seed + run) | 0 })[0] ?? [];
    const difference = await findDifference(steps, count, sabotage);
    if (difference) throw await shrink(steps, difference, { sabotage, shrinkForMs, seed: seed + run });
    onProgress?.(count, seconds());
  }
  return { ...count, seconds: seconds() };
}

async function findDifference(
  steps: readonly Step[],
  count: Count,
  sabotage: string | undefined,
): Promise<Difference | undefined> {
  try {
    await runSteps(steps, count, sabotage);
    return undefined;
  } catch (error) {
    if (error instanceof Difference) return error;
    throw error;
  }
}

/** Leaves out what the difference does not need: nothing after it, then halves, quarters, ... of what came before. */
async function shrink(
  steps: readonly Step[],
  found: Difference,
  { sabotage, shrinkForMs, seed }: { sabotage: string | undefined; shrinkForMs: number; seed: number },
): Promise<Difference> {
  const untilMs = performance.now() + shrinkForMs;
  let small = steps.slice(0, found.step + 1);
  let difference = found;
  for (let size = Math.ceil(small.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < small.length && performance.now() < untilMs; ) {
      const without = [...small.slice(0, at), ...small.slice(at + size)];
      const still = await findDifference(without, newCount(), sabotage);
      if (still) {
        small = without.slice(0, still.step + 1);
        difference = still;
      } else at += size;
    }
  }
  difference.message += `\nseed ${seed}, after these ${small.length} of ${found.step + 1} steps:\n${small.map((step) => JSON.stringify(step)).join('\n')}`;
  return difference;
}
