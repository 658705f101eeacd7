// Power cuts, in their short form, and the controls: with one fsync left out each, the same run must go red.
// `npm run faults -- --only power-loss --cycles 200` is the long form.

import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { casesOf } from '../../support/full-forms.ts';
import { notRun } from '../../support/not-run.ts';
import { whyNoPowerCut } from './availability.ts';
import { runPowerLoss } from './loop.ts';
import { planCycles } from './plan.ts';

const why = await whyNoPowerCut();
if (why !== undefined) notRun(`tests/faults/power-loss: power cuts of the writer's disk; ${why}`);

it.skipIf(why !== undefined)('keeps every receipt when the power goes at any moment', async () => {
  const seed = process.env.FAULTS_SEED ?? randomBytes(4).toString('hex');
  console.log(`power loss: FAULTS_SEED=${seed}`);
  const result = await runPowerLoss({ cycles: 2, seed, phaseCycles: 1 });
  console.log(JSON.stringify(result));
  expect(result.violations).toEqual([]);
  expect(result.cuts).toEqual({ 'one-disk': 2, 'two-disks': 2 }); // one of each while the store was being made
  expect(result.receipts).toBeGreaterThan(2);
});

describe.skipIf(why !== undefined)('finds, when the writer leaves out', () => {
  // Each within a cycle or two. Without the directory's fsync only where the commit's fsync does not take it along.
  const controls = [
    ['fsync-commit', 'one-disk', 'receipt-lost'],
    ['fsync-file', 'one-disk', 'bytes-differ'],
    ['fsync-directory', 'two-disks', 'bytes-missing'],
  ] as const;
  it.each(casesOf('tests/faults/power-loss: controls', controls, ([unsafe]) => unsafe === 'fsync-commit'))(
    '%s on %s: %s',
    async (unsafe, layout, found) => {
      const { violations } = await runPowerLoss({ cycles: 8, seed: unsafe, layouts: [layout], unsafe });
      expect(violations.map(({ kind }) => kind)).toContain(found);
    },
  );
});

it('plans the same cuts for the same seed, and others for another', () => {
  expect(planCycles('a', 50)).toEqual(planCycles('a', 50));
  expect(planCycles('a', 50)).not.toEqual(planCycles('b', 50));
});
