// Stores against the sweep, in thousands of interleavings: no file loses its bytes, whatever ends where.

import { describe, expect, test } from 'vitest';
import { makeFolder } from '../../../../tests/support/data-folder.ts';
import { isFull } from '../../../../tests/support/full-forms.ts';
import { simulate } from '../../../../tests/support/sweep-simulation.ts';

/** Several seeds rather than a longer run: stores grow old otherwise. */
const seeds = isFull ? Array.from({ length: 20 }, (_, n) => n + 1) : [1];
const steps = isFull ? 6_000 : 5_000;

describe('stores against the sweep', () => {
  test.each(seeds)(
    'no file is without its bytes at any step (seed %i)',
    async (seed) => {
      const counts = await simulate({ dataDir: makeFolder(), seed }, steps);
      // A run in which little happened proves nothing.
      expect(counts.swept).toBeGreaterThan(300);
      expect(counts.healedRaces).toBeGreaterThan(20);
      expect(counts.plansApplied).toBeGreaterThan(20);
      expect(counts.restarts).toBeGreaterThan(5);
      if (process.env.SHOW_COUNTS === '1') console.log(counts);
    },
    120_000,
  );

  test('without the question whether a file names them, contents in use go', async () => {
    const run = simulate({ dataDir: makeFolder(), seed: 1, without: ['sweep-recheck'] }, steps);
    await expect(run).rejects.toThrow(/took content|bytes are gone/);
  });

  test('without it, a plan alone is enough for that, also where nobody lies', async () => {
    const run = simulate(
      { dataDir: makeFolder(), seed: 1, without: ['sweep-recheck'], onlyPlans: true },
      steps,
    );
    await expect(run).rejects.toThrow(/took content|bytes are gone/);
  });

  test('without names of their own, a late unlink takes the bytes that were stored again', async () => {
    const run = simulate({ dataDir: makeFolder(), seed: 1, without: ['unique-names'] }, steps);
    await expect(run).rejects.toThrow(/bytes are gone \(file/);
  });
});
