import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  latencyBetween,
  latencyBoundsMs,
  latencyBucketOf,
  latencyBuckets,
  latencyQuantile,
} from './index.ts';

test('a latency counts in the first bucket that it fits into', () => {
  fc.assert(
    fc.property(fc.double({ min: -10, max: 100_000, noNaN: true }), (ms) => {
      const bucket = latencyBucketOf(ms);
      const expected = latencyBoundsMs.findIndex((bound) => ms <= bound * (1 + 1e-12));
      expect([expected, expected + 1]).toContain(bucket + (expected < 0 ? -latencyBuckets : 0));
      expect(bucket).toBeLessThan(latencyBuckets);
    }),
  );
  expect([0, 0.5, 0.51, 1, 1.1, 65_536, 65_537, Number.NaN].map(latencyBucketOf)).toEqual([
    0, 0, 1, 2, 3, 34, 35, 0,
  ]);
});

test('a quantile lies in the bucket of the value that it stands for', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 1, max: 60_000, noNaN: true }), { minLength: 1, maxLength: 300 }),
      fc.constantFrom(0.5, 0.99),
      (latencies, share) => {
        const counts = new Array<number>(latencyBuckets).fill(0);
        for (const ms of latencies) {
          const bucket = latencyBucketOf(ms);
          counts[bucket] = (counts[bucket] ?? 0) + 1;
        }
        const exact = latencies.toSorted((a, b) => a - b)[Math.ceil(share * latencies.length) - 1] ?? 0;
        const estimate = latencyQuantile(counts, share) ?? Number.NaN;
        expect(estimate / exact).toBeGreaterThan(0.7);
        expect(estimate / exact).toBeLessThan(1.42);
      },
    ),
  );
  expect(latencyQuantile(new Array(latencyBuckets).fill(0), 0.5)).toBeUndefined();
});

test('two looks tell what came between, also over a restart', () => {
  expect(latencyBetween([1, 2], [4, 2])).toEqual([3, 0]);
  expect(latencyBetween([], [4, 2])).toEqual([4, 2]);
  expect(latencyBetween([5, 2], [4, 7])).toEqual([4, 7]);
});
