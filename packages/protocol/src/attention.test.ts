import { describe, expect, test } from 'vitest';
import { attentionOf, type FleetFacts, lowWaterBytes, verdictOf } from './attention.ts';
import { acceptedVersions } from './operations.ts';

const nowMs = Date.UTC(2026, 0, 10);
const hourMs = 3_600_000;
const GiB = 1024 ** 3;
const writer: NonNullable<FleetFacts['writer']> = {
  phase: 'running',
  heartbeatAtMs: nowMs - 900,
  startedAtMs: nowMs - hourMs,
  pressure: 'none',
  lastCommitAtMs: nowMs - 1_000,
};
const well: FleetFacts = {
  nowMs,
  redis: { up: true, usedBytes: 100, maxBytes: 1_000 },
  writer,
  queue: { waiting: 3, active: 1 },
  disk: { freeBytes: 50 * GiB, totalBytes: 100 * GiB },
  store: { damagedContents: 0, recentlyRefused: 0, recentlyQuarantined: 0 },
  backup: { madeAtMs: nowMs - hourMs, verified: { ok: true, atMs: nowMs } },
};

const codesOf = (facts: FleetFacts): string[] => attentionOf(facts).map(({ code }) => code);

test('of a fleet that is well nothing is said', () => {
  expect(attentionOf(well)).toEqual([]);
  expect(verdictOf([])).toMatchObject({ level: 'good', what: 'All is well.' });
});

describe('each trouble is told by its code, and nothing beside it', () => {
  test.each<[string, Partial<FleetFacts>]>([
    ['STORE_AWAY', { store: { problem: 'NOT_INITIALIZED: there is none.' } }],
    ['WRITER_SILENT', { writer: { ...writer, heartbeatAtMs: nowMs - 10_001 } }],
    ['WRITER_SILENT', { writer: { ...writer, phase: 'stopped' } }],
    ['WRITER_STUCK', { writer: { ...writer, lastCommitAtMs: nowMs - 30_000 } }],
    ['WRITER_STUCK', { writer: { ...writer, lastCommitAtMs: null } }],
    ['PRESSURE', { writer: { ...writer, pressure: 'queue' } }],
    ['CLOCK_DOUBTED', { writer: { ...writer, maintenance: { clock: 'doubted', damagedContents: 0 } } }],
    ['WRITER_OLDER', { writer: { ...writer, acceptedVersions: [1] } }],
    ['PROGRAM_OLDER', { writer: { ...writer, acceptedVersions: [2, 3] } }],
    ['PROGRAM_OLDER', { writer: { ...writer, acceptedVersions: [3, 4] } }],
    ['CONTENT_DAMAGED', { store: { damagedContents: 1 } }],
    ['REDIS_FULL', { redis: { up: true, usedBytes: 800, maxBytes: 1_000 } }],
    ['DISK_LOW', { disk: { freeBytes: 2 * GiB - 1, totalBytes: 100 * GiB } }],
    ['BACKUP_NONE', { backup: null }],
    ['BACKUP_DAMAGED', { backup: { madeAtMs: nowMs, verified: { ok: false, atMs: nowMs } } }],
    ['BACKUP_OLD', { backup: { madeAtMs: nowMs - 170 * hourMs, verified: { ok: true, atMs: nowMs } } }],
    ['BACKUP_UNVERIFIED', { backup: { madeAtMs: nowMs } }],
    ['QUARANTINED', { store: { recentlyQuarantined: 2 } }],
    ['REFUSED', { store: { recentlyRefused: 1 } }],
  ])('%s', (code, change) => {
    expect(codesOf({ ...well, ...change })).toEqual([code]);
  });

  test('WRITER_UNKNOWN', () => {
    const { writer: _none, ...rest } = well;
    expect(codesOf(rest)).toEqual(['WRITER_UNKNOWN']);
  });

  test('without Redis nobody can say anything of the writer', () => {
    const { writer: _none, ...rest } = well;
    expect(codesOf({ ...rest, redis: { up: false } })).toEqual(['REDIS_AWAY']);
  });
});

describe('what is no trouble is not told as one', () => {
  test.each<[string, Partial<FleetFacts>]>([
    [
      'a queue that is empty while nothing is committed',
      { queue: { waiting: 0, active: 0 }, writer: { ...writer, lastCommitAtMs: null } },
    ],
    [
      'a writer that started just now',
      { writer: { ...writer, lastCommitAtMs: null, startedAtMs: nowMs - 1_000 } },
    ],
    ['a writer of the same version', { writer: { ...writer, acceptedVersions: [...acceptedVersions] } }],
    ['a Redis without a limit', { redis: { up: true, usedBytes: 10 ** 12, maxBytes: 0 } }],
    ['a disk that is small and half empty', { disk: { freeBytes: 4 * GiB, totalBytes: 8 * GiB } }],
  ])('%s', (_what, change) => {
    expect(codesOf({ ...well, ...change })).toEqual([]);
  });

  test('what nobody found out', () => {
    expect(codesOf({ nowMs, redis: { up: true }, writer })).toEqual([]);
  });
});

test('the worst comes first and is the verdict; notes alone leave all well', () => {
  const troubled: FleetFacts = {
    ...well,
    backup: null,
    disk: { freeBytes: 0, totalBytes: 100 * GiB },
    writer: { ...writer, phase: 'stopped' },
  };
  expect(codesOf(troubled)).toEqual(['WRITER_SILENT', 'DISK_LOW', 'BACKUP_NONE']);
  expect(verdictOf(attentionOf(troubled))).toMatchObject({
    level: 'bad',
    what: 'The writer is not running.',
  });
  expect(verdictOf(attentionOf({ ...well, backup: null })).level).toBe('good');
});

test('the mark of the disk is 2 % of it and at most 1 GiB', () => {
  expect(lowWaterBytes(10 * GiB)).toBe(0.2 * GiB);
  expect(lowWaterBytes(500 * GiB)).toBe(GiB);
});

test('a program that is older than the writer is a note while the writer takes what it sends', () => {
  const levelOf = (...versions: number[]) =>
    attentionOf({ ...well, writer: { ...writer, acceptedVersions: versions } })[0]?.level;
  expect([levelOf(2, 3), levelOf(3, 4)]).toEqual(['note', 'slow']);
});
