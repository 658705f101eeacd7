// The short form of the kill loop. `npm run faults -- --cycles 1000` is the long one.

import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { runKillLoop } from './loop.ts';
import { planCycles } from './plan.ts';

const cycles = 8;

it('keeps every promise while writer, producers and Redis are killed under load', {
  timeout: 240_000,
}, async () => {
  const seed = process.env.FAULTS_SEED ?? randomBytes(4).toString('hex');
  console.log(`kill loop: FAULTS_SEED=${seed}`);
  const result = await runKillLoop({ cycles, seed, checkEvery: 4 });
  console.log(JSON.stringify(result));
  expect(result.violations).toEqual([]);
  expect(result.kills).toEqual({ writer: 4, producer: 2, redis: 2 });
  expect(result.receipts).toBeGreaterThan(cycles);
});

it('plans the same kills for the same seed, and others for another', () => {
  expect(planCycles('a', 50)).toEqual(planCycles('a', 50));
  expect(planCycles('a', 50)).not.toEqual(planCycles('b', 50));
});
