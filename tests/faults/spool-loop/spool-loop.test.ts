// The short form of the spool loop. `npm run faults -- --only spool-loop --cycles 200` is a long one.

import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { runSpoolLoop } from './loop.ts';

const seed = process.env.FAULTS_SEED ?? randomBytes(4).toString('hex');

it('stores what a spool accepted once and in order, however often its producer is killed', async () => {
  console.log(`spool loop: FAULTS_SEED=${seed}`);
  const result = await runSpoolLoop({ cycles: 6, seed });
  console.log(JSON.stringify(result));
  expect(result.violations).toEqual([]);
  expect(result.killed.producers).toBe(6);
  expect(result.accepted).toBeGreaterThan(6);
});

it.each([
  ['replay', 'row-missing'],
  ['numbers', 'GIVEN_UP'],
] as const)('goes red without %s', async (protection, word) => {
  const result = await runSpoolLoop({
    cycles: 3,
    seed,
    without: [protection],
    // What was refused shows only where numbers had been settled, what was lost only where they had not.
    emptiedShare: protection === 'numbers' ? 1 : 0,
    // Else what was accepted may have been handed over before the kill, so quick is that.
    hangsRedis: protection === 'replay',
    settlingMs: 20_000,
  });
  expect(JSON.stringify(result.violations)).toContain(word);
});
