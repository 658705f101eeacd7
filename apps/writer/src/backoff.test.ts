import { expect, test } from 'vitest';
import { backoffMs } from './backoff.ts';

test('waits double from 0.1 s to 5 s and stay there', () => {
  expect([1, 2, 3, 4, 5, 6, 7, 8, 2_000].map(backoffMs)).toEqual([
    100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000,
  ]);
});
