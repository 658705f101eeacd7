import type { WriterState } from '@filefleet/protocol';
import { latencyBuckets } from '@filefleet/protocol';
import { expect, test } from 'vitest';
import type { FleetLook } from './eye.ts';
import { figuresOf, vmRows } from './rates.ts';

const counts = (filled: Record<number, number>) =>
  Array.from({ length: latencyBuckets }, (_, bucket) => filled[bucket] ?? 0);

function lookAt(atMs: number, change: Partial<WriterState> = {}): FleetLook {
  const writer = {
    epoch: 1,
    heartbeatAtMs: atMs,
    startedAtMs: 0,
    settled: { applied: 0, refused: 0, resend: 0, quarantined: 0 },
    ...change,
  } as WriterState;
  const queue = { waiting: 2, active: 1, delayed: 0, completed: 9, failed: 9 };
  const redis = { usedBytes: 7, maxBytes: 0, writer, queue, queuePaused: false };
  return { atMs, redis, store: { problem: '' }, disk: { freeBytes: 5, totalBytes: 9 }, backups: [] };
}

const settled = (applied: number, refused: number) => ({ applied, refused, resend: 0, quarantined: 0 });
const activity = (bytes: number, fast: number, vm: { applied: number; bytes: number }) => ({
  operationMs: counts({ 4: fast }),
  commitMs: counts({}),
  bytes,
  perVm: [{ vm: 'vm5', refused: 0, resend: 0, lastAtMs: 1, ...vm }],
});

test('rates are what came between two heartbeats, by the writer’s own clock', () => {
  const before = lookAt(10_000, {
    settled: settled(100, 1),
    activity: activity(1_000, 50, { applied: 5, bytes: 0 }),
  });
  const now = lookAt(15_700, {
    heartbeatAtMs: 15_000,
    settled: settled(150, 6),
    activity: activity(6_000, 60, { applied: 15, bytes: 1_000 }),
  });
  expect(figuresOf(before, now)).toMatchObject({
    operationsPerSecond: 11,
    refusedPerSecond: 1,
    bytesPerSecond: 1_000,
    queueDepth: 3,
    diskFreeBytes: 5,
    redisBytes: 7,
  });
  const { medianMs, commitP99Ms } = figuresOf(before, now);
  expect(medianMs).toBeGreaterThan(1.4);
  expect(medianMs).toBeLessThanOrEqual(2);
  expect(commitP99Ms).toBeUndefined();
  expect(vmRows(before, now)[0]).toMatchObject({ vm: 'vm5', perMinute: 10, bytesPerMinute: 1_000 });
  const later = {
    ...now,
    redis: lookAt(190_000, { activity: activity(0, 0, { applied: 65, bytes: 0 }) }).redis,
  };
  expect(vmRows(before, later)[0]).toMatchObject({ perMinute: 20, bytesPerMinute: 0 });
});

test('a writer that began anew counts from nothing, and its rates are never negative', () => {
  const before = lookAt(10_000, { settled: settled(1_000, 0) });
  const now = lookAt(12_000, { epoch: 2, settled: settled(10, 0) });
  expect(figuresOf(before, now).operationsPerSecond).toBe(5);
});

test('a writer that fell silent does nothing; one whose heartbeat is only late is not judged', () => {
  const before = lookAt(10_000, { heartbeatAtMs: 9_000 });
  expect(figuresOf(before, lookAt(11_000, { heartbeatAtMs: 9_000 }))).not.toHaveProperty(
    'operationsPerSecond',
  );
  expect(figuresOf(before, lookAt(30_000, { heartbeatAtMs: 9_000 })).operationsPerSecond).toBe(0);
});

test('what cannot be reached is left out instead of being zero', () => {
  const away: FleetLook = { ...lookAt(1), redis: undefined };
  expect(figuresOf(lookAt(0), away)).toEqual({ diskFreeBytes: 5 });
});
