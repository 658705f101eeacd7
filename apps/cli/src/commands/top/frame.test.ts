// A frame fits into the terminal that it is made for, says the most important first, and rates are what they claim to be.

import { stripVTControlCharacters } from 'node:util';
import picocolors from 'picocolors';
import { describe, expect, test } from 'vitest';
import type { FleetLook } from '../fleet/eye.ts';
import type { RedisView } from '../redis-view.ts';
import { frame, short } from './frame.ts';
import { History, type Sample, sampleOf } from './history.ts';

const nowMs = Date.UTC(2026, 0, 10, 12, 0, 0);
const GiB = 1024 ** 3;

const redis: RedisView = {
  version: '7.0.15',
  maxmemoryPolicy: 'noeviction',
  appendOnly: true,
  usedBytes: 10_000_000,
  maxBytes: 100_000_000,
  queue: { waiting: 12, active: 3, delayed: 0, completed: 1_000, failed: 5 },
  settled: [],
  writer: {
    epoch: 7,
    phase: 'running',
    pid: 1,
    startedAtMs: nowMs - 3_600_000,
    heartbeatAtMs: nowMs - 500,
    schemaVersion: '005',
    acceptedVersions: [1, 2],
    limits: {},
    pressure: 'none',
    commitSequence: 1_234,
    lastCommitAtMs: nowMs - 1_000,
    settled: { applied: 900, refused: 5, resend: 1, quarantined: 0 },
  },
};
const unlucky = { code: 'X', message: 'expected it, got nothing', exitCode: 69, facts: {} };
const look: FleetLook = {
  atMs: nowMs,
  redis: { here: redis },
  store: { away: unlucky },
  disk: { freeBytes: 50 * GiB, totalBytes: 100 * GiB },
  backups: { here: [] },
};
const samples: Sample[] = Array.from({ length: 100 }, (_, index) => ({
  perSecond: index,
  latencyMs: index % 2 === 0 ? 3.5 : undefined,
  waiting: 100 - index,
}));
const plain = picocolors.createColors(false);
const coloured = picocolors.createColors(true);

function settled(count: number, changes: Partial<RedisView['writer'] & object> = {}): FleetLook['redis'] {
  const writer = { ...(redis.writer as NonNullable<RedisView['writer']>), ...changes };
  return { here: { ...redis, writer: { ...writer, settled: { ...writer.settled, applied: count } } } };
}

describe('a frame', () => {
  test.each([
    [80, 24],
    [80, 10],
    [200, 60],
    [72, 24],
    [71, 40],
    [40, 15],
    [20, 5],
    [10, 1],
  ])('fits into %d x %d, with colours and without', (columns, rows) => {
    for (const paint of [plain, coloured]) {
      const lines = frame(look, samples, { columns, rows }, paint, 'q ends this').map(
        stripVTControlCharacters,
      );
      expect(lines.length).toBeLessThanOrEqual(rows);
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
    }
  });

  test('of 80 x 24 has the verdict, what to type, three plots, the figures and the way out', () => {
    const text = frame(look, samples, { columns: 80, rows: 24 }, plain, 'q ends this').join('\n');
    for (const part of [
      'The store cannot be read. -> npx filefleet doctor',
      'There is no backup. -> npx filefleet backup create',
      'settled/s: 99, max 99',
      'latency ms: -, max 3.5',
      'waiting: 1, max 17',
      'running, epoch 7, up 60 min, pressure none',
      '12 waiting, 3 active',
      '50 %',
      'q ends this',
    ]) {
      expect(text).toContain(part);
    }
    expect(text).toMatchInlineSnapshot(`
      "filefleet · The store cannot be read.                               12:00:00 UTC
      bad   The store cannot be read. -> npx filefleet doctor
      note  There is no backup. -> npx filefleet backup create

      settled/s: 99, max 99      latency ms: -, max 3.5     waiting: 1, max 17
      99┤         ████████       3.5┤████████████████       17┤██
        │█████████████████          │████████████████         │████
        │█████████████████          │████████████████         │██████
        │█████████████████          │████████████████         │████████
        │█████████████████          │████████████████         │██████████
        │█████████████████          │████████████████         │████████████
        │█████████████████          │████████████████         │██████████████
        │█████████████████          │████████████████         │████████████████
       0┤█████████████████         0┤█████████████████       0┤█████████████████

      writer   running, epoch 7, up 60 min, pressure none
               900 applied, 5 refused, 1 sent again, 0 quarantined
               commit 1,234, the last 1 s ago
      queue    12 waiting, 3 active, 0 delayed, 1,000 completed, 5 failed
      redis    7.0.15, 9.54 MiB of 95.4 MiB
      store    X: expected it, got nothing
      disk     50 GiB free of 100 GiB (50 %)
      backups  none
      q ends this"
    `);
  });

  test('without colours has no control character at all', () => {
    const text = frame(look, samples, { columns: 80, rows: 24 }, plain).join('');
    expect(text).toBe(stripVTControlCharacters(text));
  });

  test('a message from outside cannot move the cursor', () => {
    const away = { ...unlucky, message: '\u001b[2J\u202ewiped' };
    const text = frame({ ...look, redis: { away }, store: { away } }, [], { columns: 200, rows: 40 }, plain);
    expect(text.join('')).not.toMatch(/\p{Cc}|\u202e/u);
  });
});

describe('a sample', () => {
  const later = (redisPart: FleetLook['redis'], ms = 2_000): FleetLook => ({
    ...look,
    atMs: nowMs + ms,
    redis: redisPart,
  });

  test('counts what was settled, per second', () => {
    const after = later(settled(1_000, { heartbeatAtMs: nowMs + 2_000 }));
    expect(sampleOf({ ...look, redis: settled(900) }, after).perSecond).toBe(50);
  });

  test('counts a writer that was started anew from nothing', () => {
    const after = later(settled(94, { epoch: 8, heartbeatAtMs: nowMs + 2_000 }));
    expect(sampleOf(look, after).perSecond).toBe(50); // 94 applied, 5 refused, 1 sent again
  });

  test('says nothing of a writer that is not there', () => {
    expect(sampleOf(look, later(settled(2_000), 60_000)).perSecond).toBeUndefined();
    expect(sampleOf(look, { ...look, redis: { away: unlucky } })).toEqual({});
  });

  test('has the middle of the latencies since the look before, none of older ones', () => {
    const job = (settledAtMs: number, tookMs: number) => ({
      settledAtMs,
      enqueuedAtMs: settledAtMs - tookMs,
    });
    const jobs = [job(nowMs + 10, 5), job(nowMs + 9, 90), job(nowMs + 8, 7), job(nowMs, 1_000)];
    const after = later({ here: { ...redis, settled: jobs } });
    expect(sampleOf(look, after).latencyMs).toBe(7);
    expect(sampleOf({ ...look, atMs: nowMs + 10 }, after).latencyMs).toBeUndefined();
  });
});

test('the history keeps ten minutes', () => {
  const history = new History();
  for (let second = 0; second < 700; second += 1) history.add({ ...look, atMs: nowMs + second * 1_000 });
  expect(history.samples).toHaveLength(600);
});

test.each([
  [0, '0'],
  [3.25, '3.3'],
  [9_999, '9999'],
  [12_345, '12.3k'],
  [4_500_000, '4.5M'],
])('%d is written %s', (value, text) => {
  expect(short(value)).toBe(text);
});
