import type { WriterState } from '@filefleet/protocol';
import { expect, test } from 'vitest';
import type { HistorySlice } from '../history/history.ts';
import type { FleetLook, RedisLook } from '../live/eye.ts';
import type { Beat } from '../live/pulse.ts';
import { fleetPage } from './fleet-page.ts';
import { fleetParts } from './parts.ts';

const nowMs = Date.UTC(2026, 0, 1);
const hostile = '"><script>alert(1)</script>';

const writer: WriterState = {
  epoch: 7,
  phase: 'running',
  pid: 1,
  startedAtMs: nowMs - 600_000,
  heartbeatAtMs: nowMs - 900,
  schemaVersion: '004',
  acceptedVersions: [1, 2],
  limits: { stagedTotalBytes: 1_000 },
  pressure: 'none',
  commitSequence: 1_234,
  lastCommitAtMs: nowMs - 5_000,
  settled: { applied: 1_234, refused: 5, resend: 0, quarantined: 1 },
  staged: {
    bytes: 500,
    operations: 1,
    waiting: 0,
    orphanedBytes: 0,
    orphanedOperations: 0,
    unreservedOperations: 0,
  },
  activity: {
    operationMs: [],
    commitMs: [],
    bytes: 0,
    perVm: [{ vm: 'vm5', applied: 9, refused: 2, resend: 0, bytes: 4_096, lastAtMs: nowMs - 30_000 }],
  },
};
const redis: RedisLook = {
  usedBytes: 5_000_000,
  maxBytes: 10_000_000,
  writer,
  queue: { waiting: 3, active: 1, delayed: 0, completed: 0, failed: 0 },
  queuePaused: false,
};
const usage = { files: 2, logicalBytes: 4_096, deletedFiles: 0, deletedBytes: 0 };
const store: Extract<FleetLook['store'], { statistics: unknown }> = {
  statistics: {
    ...usage,
    sessions: 1,
    liveSessions: 1,
    storedBytes: 4_096,
    savedBytes: 0,
    reclaimableBlobs: 0,
    reclaimableBytes: 0,
    inlineBlobs: 1,
    fileBlobs: 0,
    perVm: [{ vm: 'vm2', ...usage }],
  },
  care: {
    tasks: [],
    damagedContents: 0,
    damaged: [],
    refused: 0,
    quarantined: 0,
    scrub: { through: 0, newest: 0 },
    audit: { head: null, prunedThrough: 0 },
  },
};

function pageOf(look: Partial<FleetLook>, history: Partial<HistorySlice> = {}): string {
  const whole: FleetLook = { atMs: nowMs, redis, store, disk: undefined, backups: [], ...look };
  const beat: Beat = { look: whole, minuteAgo: undefined, figures: {}, noted: undefined };
  return fleetPage({
    person: { name: 'vera', role: 'viewer' },
    csrfToken: 'token',
    parts: fleetParts(beat, []),
    span: 'hour',
    history: { stepMs: 5_000, points: [], kept: true, ...history },
  });
}

test('the first sentence says how the fleet is', () => {
  expect(pageOf({})).toContain('All is well.');
  expect(pageOf({ redis: undefined })).toContain('Redis cannot be reached.');
  expect(pageOf({ redis: { ...redis, writer: undefined } })).toContain('No writer has reported yet.');
  expect(pageOf({ redis: { ...redis, writer: { ...writer, phase: 'stopped' } } })).toContain(
    'The writer is not running.',
  );
  expect(pageOf({ store: { problem: 'Gone.' } })).toContain('The store cannot be read.');
});

test('what needs attention comes with what to do about it', () => {
  const shown = pageOf({ store: { ...store, care: { ...store.care, damagedContents: 2, quarantined: 1 } } });
  expect(shown).toContain('2 contents are damaged.');
  expect(shown).toContain('<code class="command">npx filefleet verify --deep</code>');
  expect(shown).toContain('1 job went to quarantine');
  expect(shown).toContain('There is no backup.');
  expect(pageOf({ redis: { ...redis, queuePaused: true } })).toContain('The queue is paused.');
});

test('a VM is there with what it did, and with what it has stored before this writer', () => {
  const shown = pageOf({});
  expect(shown).toMatch(/<tr id="vm-vm5">[\s\S]*30 s ago/);
  expect(shown).toMatch(/<tr id="vm-vm2">[\s\S]*none since the writer started/);
});

test('no text of the writer becomes markup', () => {
  const state = { clock: 'doubted', because: hostile, damagedContents: 0, task: hostile } as const;
  const odd = { ...writer, schemaVersion: hostile, maintenance: state };
  expect(pageOf({ redis: { ...redis, writer: odd } })).not.toContain('<script>');
});

test('a history that ends with this run says so, and what there is stands in a table as well', () => {
  const points = [{ atMs: nowMs - 5_000, operationsPerSecond: 123, medianMs: 4, p99Ms: 40 }];
  expect(pageOf({}, { points, kept: false })).toContain('FILEFLEET_DASHBOARD_DIR names one');
  expect(pageOf({}, { points })).toMatch(
    /<th scope="row" class="number">2025-12-31 23:55:00 UTC<\/th>\s*<td>123<\/td>/,
  );
});
