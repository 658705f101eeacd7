import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { expect, onTestFinished, test } from 'vitest';
import { makeFolder } from '../../../tests/support/data-folder.ts';
import { until } from '../../../tests/support/deadline.ts';
import type { WriterEvent } from './events.ts';
import { Metrics, type MetricsSources, serveMetrics } from './metrics.ts';

function makeMetrics(sources: Partial<MetricsSources> = {}) {
  const walPath = join(makeFolder(), 'x-wal');
  writeFileSync(walPath, Buffer.alloc(4_096));
  return new Metrics({
    walPath,
    queueDepth: async () => 17,
    active: () => 3,
    commitDepth: () => 2,
    pressure: () => 'none',
    ...sources,
  });
}

/** The value of a figure, by name and labels as they stand in the text. */
async function figure(metrics: Metrics, name: string): Promise<number | undefined> {
  const lines = (await metrics.registry.metrics()).split('\n');
  const line = lines.find((text) => text.startsWith(`filefleet_${name} `));
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
}

const facts = { operationId: '', name: 'file-store', vm: 'vm5' };
const applied = { ...facts, outcome: 'applied', repeated: false, tookMs: 30 } as const;
const refused = { ...facts, code: 'CONFLICT', message: '', repeated: false, tookMs: 2_000 };

test('operations are counted by outcome, with their time from enqueueing', async () => {
  const metrics = makeMetrics();
  const events: WriterEvent[] = [
    { event: 'operation.settled', facts: applied },
    { event: 'operation.settled', facts: applied },
    { event: 'operation.settled', facts: { ...applied, repeated: true } },
    { event: 'operation.refused', facts: refused },
    { event: 'operation.resent', facts: { ...facts, code: 'OUT_OF_ORDER' } },
  ];
  for (const event of events) metrics.subscriber(event);
  expect(await figure(metrics, 'operations_total{outcome="applied"}')).toBe(2);
  expect(await figure(metrics, 'operations_total{outcome="repeated"}')).toBe(1);
  expect(await figure(metrics, 'operations_total{outcome="refused"}')).toBe(1);
  expect(await figure(metrics, 'operations_total{outcome="resend"}')).toBe(1);
  expect(await figure(metrics, 'operation_seconds_count')).toBe(4);
  expect(await figure(metrics, 'operation_seconds_bucket{le="0.05"}')).toBe(3);
});

test('groups, commits, syncs, redeliveries and quarantine have their figures', async () => {
  const metrics = makeMetrics();
  const group = { operations: 100, commitSequence: 1, durationMs: 4 };
  const events: WriterEvent[] = [
    { event: 'group.committed', facts: group },
    { event: 'content.kept', facts: { operationId: '', bytes: 1 } },
    { event: 'job.redelivered', facts: { jobId: '', starts: 2 } },
    { event: 'job.quarantined', facts: { jobId: '', name: '', code: '', reason: '' } },
  ];
  for (const event of events) metrics.subscriber(event);
  const names = [
    'group_operations_sum',
    'commit_seconds_bucket{le="0.005"}',
    'fsyncs_total{of="group"}',
    'fsyncs_total{of="blob"}',
    'redeliveries_total',
    'quarantined_total',
  ];
  const values = await Promise.all(names.map((name) => figure(metrics, name)));
  expect(values).toEqual([100, 1, 1, 2, 1, 1]);
});

test('maintenance has its figures: rows by task, what was swept, backups, a doubted clock, damaged contents', async () => {
  let isDoubted = true;
  const metrics = makeMetrics({ isClockDoubted: () => isDoubted, damagedContents: () => 2 });
  const step = { task: 'retention', rows: 200, tookMs: 8 };
  const backup = { name: '', commitSequence: 1, missing: 0, blobs: 1, bytes: 1, tookMs: 1 };
  const events: WriterEvent[] = [
    { event: 'maintenance.step', facts: step },
    { event: 'contents.swept', facts: { contents: 3, files: 1, bytes: 700 } },
    { event: 'backup.made', facts: backup },
    { event: 'backup.failed', facts: { code: 'BACKUP_FAILED', message: '' } },
  ];
  for (const event of events) metrics.subscriber(event);
  const names = [
    'maintenance_rows_total{task="retention"}',
    'maintenance_step_seconds_bucket{le="0.01"}',
    'swept_total{of="contents"}',
    'swept_total{of="bytes"}',
    'backups_total{outcome="made"}',
    'backups_total{outcome="failed"}',
    'clock_doubted',
    'damaged_contents',
  ];
  const values = await Promise.all(names.map((name) => figure(metrics, name)));
  expect(values).toEqual([200, 1, 3, 700, 1, 1, 1, 2]);
  isDoubted = false;
  expect(await figure(metrics, 'clock_doubted')).toBe(0);
});

test('what stands at the moment is asked when somebody looks', async () => {
  let pressure: 'none' | 'disk' = 'none';
  const metrics = makeMetrics({ pressure: () => pressure });
  const names = ['queue_depth', 'active_operations', 'commit_queue_depth', 'wal_bytes', 'disk_pressure'];
  const values = () => Promise.all(names.map((name) => figure(metrics, name)));
  expect(await values()).toEqual([17, 3, 2, 4_096, 0]);
  pressure = 'disk';
  expect((await values()).at(-1)).toBe(1);
});

test('a figure that cannot be had is left out, and the others are there', async () => {
  const metrics = makeMetrics({
    walPath: '/nowhere/x-wal',
    queueDepth: () => Promise.reject(new Error('WRONGTYPE')),
  });
  expect(await figure(metrics, 'queue_depth')).toBeUndefined();
  expect(await figure(metrics, 'wal_bytes')).toBeUndefined();
  expect(await figure(metrics, 'active_operations')).toBe(3);
});

test('a Redis that hangs does not hold up who looks', async () => {
  const metrics = makeMetrics({ queueDepth: () => new Promise(() => undefined) });
  expect(await figure(metrics, 'queue_depth')).toBeUndefined();
});

test('a blocked event loop shows, until somebody has looked', async () => {
  const metrics = makeMetrics();
  // Each look begins anew, so a second measurement, begun after that of the metrics, says how far both are.
  const measured = monitorEventLoopDelay({ resolution: 10 });
  measured.enable();
  onTestFinished(() => void measured.disable());
  await until(() => measured.count > 0, 'a tick to be measured');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  await until(() => measured.max > 150e6, 'the block to be measured');
  expect(await figure(metrics, 'loop_delay_max_seconds')).toBeGreaterThan(0.15);
});

test('figures are served on loopback, and nothing else is', async () => {
  const { server, url } = await serveMetrics(makeMetrics().registry, 0);
  onTestFinished(() => void server.close());
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/);
  const response = await fetch(url);
  expect(response.headers.get('content-type')).toContain('text/plain');
  expect(await response.text()).toContain('filefleet_active_operations 3');
  expect((await fetch(url.replace('/metrics', '/'))).status).toBe(404);
});

test('a port that is taken is an error of the call', async () => {
  const { server, url } = await serveMetrics(makeMetrics().registry, 0);
  onTestFinished(() => void server.close());
  await expect(serveMetrics(makeMetrics().registry, Number(new URL(url).port))).rejects.toMatchObject({
    code: 'EADDRINUSE',
  });
});
