// Figures for Prometheus, made from the same events as the log, and the small server that gives them out on loopback.

import { stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Subscriber } from './events.ts';
import type { StagedFigures } from './staging-budget.ts';

const latencyBucketsSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];
const groupBuckets = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];
const nanosecondsPerSecond = 1e9;
/** A figure that takes longer is left out; in milliseconds. Redis may hang. */
const figureWithinMs = 1_000;

export interface MetricsSources {
  /** Path of the WAL, for its size. */
  readonly walPath: string;
  /** Jobs that wait in Redis; undefined while Redis is away. */
  readonly queueDepth: () => Promise<number | undefined>;
  readonly active: () => number;
  readonly commitDepth: () => number;
  readonly pressure: () => 'none' | 'disk';
  /** Staged bytes as the budget counts them; undefined until Redis was asked. */
  readonly staged?: () => StagedFigures | undefined;
  readonly stagedLimitBytes?: number;
  /** Whether nothing goes because of its age. */
  readonly isClockDoubted?: () => boolean;
  readonly damagedContents?: () => number;
}

export class Metrics {
  readonly registry = new Registry();
  readonly #loop = monitorEventLoopDelay({ resolution: 10 });
  readonly #operations: Counter<'outcome'>;
  readonly #groups: Histogram;
  readonly #commits: Histogram;
  readonly #endToEnd: Histogram;
  readonly #fsyncs: Counter<'of'>;
  readonly #redeliveries: Counter;
  readonly #quarantined: Counter;
  readonly #maintained: Counter<'task'>;
  readonly #steps: Histogram;
  readonly #swept: Counter<'of'>;
  readonly #backups: Counter<'outcome'>;

  constructor(sources: MetricsSources) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#loop.enable();
    const counter = <L extends string>(name: string, help: string, labelNames: L[] = []) =>
      new Counter({ name: `filefleet_${name}`, help, labelNames, registers });
    const histogram = (name: string, help: string, buckets: number[]) =>
      new Histogram({ name: `filefleet_${name}`, help, buckets, registers });
    this.#operations = counter('operations_total', 'Operations by outcome.', ['outcome']);
    this.#groups = histogram('group_operations', 'Operations per group commit.', groupBuckets);
    this.#commits = histogram('commit_seconds', 'Time of a group transaction.', latencyBucketsSeconds);
    this.#endToEnd = histogram('operation_seconds', 'From enqueueing to settled.', latencyBucketsSeconds);
    this.#fsyncs = counter('fsyncs_total', 'Syncs to disk that receipts waited for.', ['of']);
    this.#redeliveries = counter('redeliveries_total', 'Jobs that came more than once.');
    this.#quarantined = counter('quarantined_total', 'Jobs put into quarantine.');
    this.#maintained = counter('maintenance_rows_total', 'Rows that maintenance looked at or changed.', [
      'task',
    ]);
    this.#steps = histogram(
      'maintenance_step_seconds',
      'Time of a step of maintenance.',
      latencyBucketsSeconds,
    );
    this.#swept = counter('swept_total', 'Contents that the sweep removed, and their bytes.', ['of']);
    this.#backups = counter('backups_total', 'Backups by outcome.', ['outcome']);
    this.#gauges(sources);
  }

  /** Turns events into figures. */
  readonly subscriber: Subscriber = ({ event, facts }) => {
    switch (event) {
      case 'operation.settled':
        this.#operations.inc({ outcome: facts.repeated ? 'repeated' : 'applied' });
        this.#endToEnd.observe(facts.tookMs / 1_000);
        break;
      case 'operation.refused':
        this.#operations.inc({ outcome: facts.repeated ? 'repeated' : 'refused' });
        this.#endToEnd.observe(facts.tookMs / 1_000);
        break;
      case 'operation.resent':
        this.#operations.inc({ outcome: 'resend' });
        break;
      case 'group.committed':
        this.#groups.observe(facts.operations);
        this.#commits.observe(facts.durationMs / 1_000);
        this.#fsyncs.inc({ of: 'group' });
        break;
      case 'content.kept':
        this.#fsyncs.inc({ of: 'blob' }, 2); // the file and its folder
        break;
      case 'job.redelivered':
        this.#redeliveries.inc();
        break;
      case 'job.quarantined':
        this.#quarantined.inc();
        break;
      case 'maintenance.step':
        this.#maintained.inc({ task: facts.task }, facts.rows);
        this.#steps.observe(facts.tookMs / 1_000);
        break;
      case 'contents.swept':
        this.#swept.inc({ of: 'contents' }, facts.contents);
        this.#swept.inc({ of: 'bytes' }, facts.bytes);
        break;
      case 'backup.made':
        this.#backups.inc({ outcome: 'made' });
        break;
      case 'backup.failed':
        this.#backups.inc({ outcome: 'failed' });
        break;
    }
  };

  #gauges(sources: MetricsSources): void {
    const gauge = (
      name: string,
      help: string,
      read: () => number | undefined | Promise<number | undefined>,
    ) => {
      new Gauge({
        name: `filefleet_${name}`,
        help,
        registers: [this.registry],
        async collect() {
          const value = await figureOf(read);
          if (value === undefined) this.remove();
          else this.set(value);
        },
      });
    };
    gauge('queue_depth', 'Jobs that wait in Redis.', sources.queueDepth);
    gauge('active_operations', 'Operations under way in the writer.', sources.active);
    gauge('commit_queue_depth', 'Entries that wait for a group.', sources.commitDepth);
    gauge('disk_pressure', '1 while stores wait for room on the disk.', () =>
      sources.pressure() === 'disk' ? 1 : 0,
    );
    gauge('staged_bytes', 'Bytes on their way in Redis, as reserved.', () => sources.staged?.()?.bytes);
    gauge('staged_limit_bytes', 'Bytes that may be on their way at once.', () => sources.stagedLimitBytes);
    gauge('staged_waiting', 'Producers that wait for room in Redis.', () => sources.staged?.()?.waiting);
    gauge('staged_orphaned_bytes', 'Reserved bytes that expired unsent since Redis was empty.', () => {
      return sources.staged?.()?.orphanedBytes;
    });
    gauge('staged_orphaned_operations', 'Reservations that expired unsent since Redis was empty.', () => {
      return sources.staged?.()?.orphanedOperations;
    });
    gauge('clock_doubted', '1 while nothing goes because of its age.', () => {
      return sources.isClockDoubted === undefined ? undefined : Number(sources.isClockDoubted());
    });
    gauge('damaged_contents', 'Contents whose bytes are damaged and not yet replaced.', () =>
      sources.damagedContents?.(),
    );
    gauge('wal_bytes', 'Size of the write-ahead log.', async () => (await stat(sources.walPath)).size);
    gauge('loop_delay_max_seconds', 'Longest delay of the event loop since the last look.', () => {
      const longest = this.#loop.max / nanosecondsPerSecond;
      this.#loop.reset();
      return longest;
    });
  }
}

/** Undefined when it cannot be had, or not soon: one figure must not keep the others from whoever looks. */
async function figureOf(
  read: () => number | undefined | Promise<number | undefined>,
): Promise<number | undefined> {
  const patience = new AbortController();
  try {
    return await Promise.race([
      read(),
      wait(figureWithinMs, undefined, { signal: patience.signal, ref: false }),
    ]);
  } catch {
    return undefined;
  } finally {
    patience.abort();
  }
}

/** Serves the figures on 127.0.0.1. @returns the server and its address. */
export async function serveMetrics(
  registry: Registry,
  port: number,
): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    if (request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  server.unref();
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics` };
}
