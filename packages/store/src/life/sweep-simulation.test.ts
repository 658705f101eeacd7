// Stores against the sweep, in thousands of interleavings: no file loses its bytes, whatever ends where.

import { describe, expect, test } from 'vitest';
import { makeFolder } from '../../../../tests/support/data-folder.ts';
import { isFull } from '../../../../tests/support/full-forms.ts';
import { type SimulationOptions, simulate } from '../../../../tests/support/sweep-simulation.ts';

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
    expect(await firstFault({ without: ['sweep-recheck'] })).toMatch(/took content|bytes are gone/);
  }, 120_000);

  test('without it, a plan alone is enough for that, also where nobody lies', async () => {
    const fault = await firstFault({ without: ['sweep-recheck'], onlyPlans: true });
    expect(fault).toMatch(/took content|bytes are gone/);
  }, 120_000);

  test('without names of their own, a late unlink takes the bytes that were stored again', async () => {
    expect(await firstFault({ without: ['unique-names'] })).toMatch(/bytes are gone \(file/);
  }, 120_000);
});

/** What goes wrong first, with seeds that find it soon; ids are made by chance, so one seed might once pass by. */
async function firstFault(options: Pick<SimulationOptions, 'without' | 'onlyPlans'>): Promise<string> {
  for (const seed of [9, 5, 8]) {
    const run = simulate({ dataDir: makeFolder(), seed, ...options }, steps);
    const fault = await run.then(
      () => undefined,
      (error: Error) => error.message,
    );
    if (fault !== undefined) return fault;
  }
  return 'nothing went wrong';
}
