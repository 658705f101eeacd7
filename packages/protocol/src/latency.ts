// Latencies as counts in buckets, so that whoever reads twice knows the quantiles of what came between. Pure.

/** Upper ends of the buckets in milliseconds, each the square root of two times the one before: 0.5 ms to 65.5 s. */
export const latencyBoundsMs: readonly number[] = Object.freeze(
  Array.from({ length: 35 }, (_, index) => 2 ** ((index - 2) / 2)),
);

/** Buckets in all: the last one holds everything that took longer. */
export const latencyBuckets: number = latencyBoundsMs.length + 1;

/** The bucket that a latency counts in. @param ms anything below zero, from clocks that disagree, counts as nothing. */
export function latencyBucketOf(ms: number): number {
  if (!(ms > 0.5)) return 0;
  return Math.min(latencyBuckets - 1, Math.ceil(Math.log2(ms) * 2) + 2);
}

/**
 * @param counts one number for each bucket.
 * @param share 0.5 for the median.
 * @returns milliseconds, at most 19 % off within a bucket; undefined when nothing was counted.
 */
export function latencyQuantile(counts: readonly number[], share: number): number | undefined {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return undefined;
  let left = share * total;
  const bucket = counts.findIndex((count) => {
    left -= count;
    return count > 0 && left <= 0;
  });
  const inside = 1 + left / (counts[bucket] ?? 1);
  const high = latencyBoundsMs[bucket] ?? latencyBoundsMs[latencyBoundsMs.length - 1] ?? 0;
  const low = latencyBoundsMs[bucket - 1] ?? 0;
  return bucket >= latencyBoundsMs.length ? high : low + inside * (high - low);
}

/** What was counted between two looks; all of the later one when the counting began anew. */
export function latencyBetween(before: readonly number[], after: readonly number[]): readonly number[] {
  const difference = after.map((count, bucket) => count - (before[bucket] ?? 0));
  return difference.some((count) => count < 0) ? after : difference;
}
