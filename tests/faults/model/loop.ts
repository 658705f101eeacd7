// The model test in runs of some thousand steps, until so many operations have been tried.

import fc from 'fast-check';
import { type Count, newCount, runSteps } from './run.ts';
import { anyStep } from './steps.ts';

export interface ModelOptions {
  readonly operations: number;
  readonly seed: number;
  /** Steps of one run at most, on one store. */
  readonly stepsPerRun?: number;
  /** SQL that breaks the database behind the store's back, for runs that must go red. */
  readonly sabotage?: string;
  /** How long a failing run is made smaller, in milliseconds. */
  readonly shrinkForMs?: number;
  readonly onProgress?: (count: Count, seconds: number) => void;
}

/** @returns what was tried, all of it without a difference. @throws fast-check's report of the smallest run that differs */
export async function runModel(options: ModelOptions): Promise<Count & { readonly seconds: number }> {
  const { operations, seed, stepsPerRun = 2_000, sabotage, shrinkForMs = 20_000, onProgress } = options;
  const startedAt = performance.now();
  const seconds = () => Math.round((performance.now() - startedAt) / 1_000);
  const count = newCount();
  const steps = fc.array(anyStep, { maxLength: stepsPerRun, size: 'max' });
  for (let run = 0; count.operations < operations; run++) {
    let failing: { readonly sinceMs: number } | undefined;
    const property = fc.asyncProperty(steps, async (some) => {
      if (failing && performance.now() - failing.sinceMs > shrinkForMs) return;
      const tried = newCount();
      try {
        await runSteps(some, tried, sabotage);
      } catch (error) {
        failing ??= { sinceMs: performance.now() };
        throw error;
      }
      if (!failing) for (const key of Object.keys(count) as (keyof Count)[]) count[key] += tried[key];
    });
    await fc.assert(property, {
      numRuns: 1,
      seed: (seed + run) | 0,
      unbiased: true,
      endOnFailure: shrinkForMs === 0,
    });
    onProgress?.(count, seconds());
  }
  return { ...count, seconds: seconds() };
}
