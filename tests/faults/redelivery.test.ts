// Once: a job that arrives again, also while its first run is still going on, has one effect and one receipt.

import { expect, it } from 'vitest';
import { useFleet } from '../support/fleet.ts';
import { redeliverWhileRunning, rememberAsActive } from './redelivery.ts';

const fleet = useFleet();

it('an operation delivered again while it runs, and asked for again afterwards, has one effect and one receipt', async () => {
  const { answers, repeats } = await redeliverWhileRunning(fleet);
  expect(repeats).toEqual([]);
  expect(answers).toHaveLength(3);
  expect(new Set(answers).size).toBe(1);
});

it('what Redis remembers as under way, though it was settled since, is answered again long before its lock expires', async () => {
  const answers = await rememberAsActive(fleet);
  expect(answers).toHaveLength(2);
  expect(new Set(answers).size).toBe(1);
});
