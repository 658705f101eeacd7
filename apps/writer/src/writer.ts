// The writer's life: in which order it starts, and how it stops.
//
// Start: lock, schema, epoch (in the commit thread) - then Redis: policy, fence, suspects, reclaim, intake. Stop: no new jobs,
// finish what is under way, settle or leave every job to the successor, checkpoint, free the lock. Starting waits for
// Redis; stopping never does.

import { rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { type Config, requireRedisUrl } from '@filefleet/config';
import { type Clock, ContentDesk, systemClock } from '@filefleet/store';
import { CommitLine } from './commit-line.ts';
import { ballastPath } from './disk.ts';
import type { Emit, Subscriber } from './events.ts';
import { readTestSwitches } from './failpoints.ts';
import { inPlace } from './in-place.ts';
import { serveMetrics } from './metrics.ts';
import type { Notifier } from './notify.ts';
import { createParts, type Parts } from './parts.ts';
import { listActiveJobs, reclaimActiveJobs } from './reclaim.ts';
import { assertNoEviction } from './redis.ts';

/** A commit stage without progress for this long is stuck, in milliseconds: the watchdog starves. */
const stuckAfterMs = 30_000;
/** What a stop keeps of its budget for telling Redis and closing, in milliseconds. */
const closingMs = 1_000;
/** What a step of maintenance may take to end, in milliseconds: files of swept contents that are left are orphans. */
const restMs = 500;
/** A Redis that has not answered after this long is said to be waited for, in milliseconds. */
const patienceMs = 1_000;

export interface WriterOptions {
  readonly config: Config;
  readonly emit: Emit;
  readonly subscribe: (subscriber: Subscriber) => void;
  readonly notifier: Notifier;
  readonly clock?: Clock;
  /** A commit thread that has been loading meanwhile; one is started if left out. */
  readonly thread?: Worker | undefined;
}

export class Writer {
  /** Resolves with the error after which this writer may do nothing more. */
  readonly failed: Promise<unknown>;
  readonly #options: WriterOptions;
  readonly #clock: Clock;
  readonly #test = readTestSwitches(process.env);
  #fail: (error: unknown) => void = () => undefined;
  #opening: Promise<CommitLine> | undefined;
  #desk: ContentDesk | undefined;
  #parts: Parts | undefined;
  #figures: Server | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
  }

  /**
   * Resolves when operations are taken. Waits for Redis as long as it is away.
   * @throws StoreError, ConfigError, RedisSetupError, FencedError: the process ends with their exit code.
   */
  async start(): Promise<void> {
    const { config, emit, subscribe, notifier } = this.#options;
    emit('writer.starting', { pid: process.pid, dataDir: config.dataDir });
    if (this.#test.probe || this.#test.without.size > 0)
      emit('writer.unsafe', { without: [...this.#test.without] });
    const redisUrl = requireRedisUrl(config);
    const line = await this.#open();
    if (this.#stopped) return;
    const { epoch, schemaVersion, storeId, healed } = line;
    emit('writer.opened', { epoch, schemaVersion, storeId, healed });
    this.#test.probe?.('start.opened');
    const desk = new ContentDesk(config.dataDir, epoch, this.#test.probe, this.#test.without);
    this.#desk = desk;
    await desk.clearTemps();
    if (this.#stopped) return;
    notifier.ready(`epoch ${epoch}, schema ${schemaVersion}`);
    const [clock, test, onFatal] = [this.#clock, this.#test, this.#fail];
    const parts = createParts({ config, redisUrl, line, desk, emit, subscribe, clock, test, onFatal });
    this.#parts = parts;
    parts.maintenance.start();
    void parts.disk.start(); // never rejects; until it has looked, a full disk shows itself
    await this.#serveMetrics(parts);
    if (this.#stopped) return;
    notifier.watch(() => this.#clock.nowMs() - parts.committer.progressAtMs < stuckAfterMs);
    try {
      const reclaimed = await this.#enterQueue(parts);
      if (this.#stopped) return;
      emit('writer.ready', { epoch, schemaVersion, reclaimed });
      void parts.maintenance.begin();
    } catch (error) {
      if (!this.#stopped) throw error; // else the stop took the connection away
    }
  }

  /** Stops within the configured time, whatever Redis does. Stopping twice is stopping once. */
  stop(reason: string): Promise<void> {
    this.#stopped ??= this.#stop(reason);
    return this.#stopped;
  }

  /** The commit thread. A full disk is waited out; what was kept back for that is given up first. */
  #open(): Promise<CommitLine> {
    const { config, emit } = this.#options;
    let { thread } = this.#options;
    const open = () => {
      const opening = CommitLine.open(config.dataDir, this.#fail, thread);
      thread = undefined; // a thread opens once
      return opening;
    };
    const onWaiting = async ({ code, message }: { code: string; message: string }) => {
      if (this.#stopped) throw new Error(message);
      if (code === 'STORAGE_FULL') await rm(ballastPath(config.dataDir), { force: true });
      emit('writer.waiting', { for: 'storage', reason: message });
    };
    // Nothing else keeps the process alive yet.
    this.#opening = inPlace(open, onWaiting, (ms) => wait(ms));
    return this.#opening;
  }

  /** @returns how many jobs were taken back. */
  async #enterQueue(parts: Parts): Promise<number> {
    const { redis, queue, notes, suspicion, intake, state, strays } = parts;
    const policy = assertNoEviction(redis);
    if (!(await within(patienceMs, policy))) this.#waitForRedis({ message: 'it does not answer yet' });
    await policy;
    const inRedis = <T>(step: () => Promise<T>) => inPlace(step, (waiting) => this.#waitForRedis(waiting));
    await inRedis(() => state.enter('starting')); // raises the fence: from here on a predecessor publishes nothing
    const suspects = await notes.noteSuspects(await inRedis(() => listActiveJobs(redis, queue.key)));
    if (suspects.length > 0) this.#options.emit('writer.suspects', { jobs: suspects.length });
    suspicion.begin(suspects);
    this.#test.probe?.('reclaim.before');
    const reclaimed = this.#test.without.has('reclaim')
      ? []
      : await inRedis(() => reclaimActiveJobs(redis, queue.key, queue.fence));
    this.#test.probe?.('reclaim.after');
    if (this.#stopped) return 0;
    intake.run().catch(this.#fail);
    await inRedis(() => state.enter('running'));
    if (this.#stopped) return 0;
    state.start();
    if (!this.#test.without.has('reclaim')) strays.start();
    return reclaimed.length;
  }

  #waitForRedis({ message }: { message: string }): void {
    this.#options.emit('writer.waiting', { for: 'redis', reason: message });
  }

  /** Figures are for watching; a port that is taken is no reason not to write. */
  async #serveMetrics({ metrics }: Parts): Promise<void> {
    const { config, emit } = this.#options;
    if (config.metricsPort === undefined) return;
    try {
      const { server, url } = await serveMetrics(metrics.registry, config.metricsPort);
      this.#figures = server;
      emit('metrics.ready', { url });
    } catch (error) {
      emit('metrics.failed', { message: error instanceof Error ? error.message : String(error) });
    }
  }

  async #stop(reason: string): Promise<void> {
    const { config, emit, notifier } = this.#options;
    this.#test.probe?.('stop.begun');
    emit('writer.stopping', { reason });
    notifier.stopping();
    const deadline = performance.now() + config.stopTimeoutMs - closingMs;
    const clean = this.#parts
      ? await drain(this.#parts, () => Math.max(0, deadline - performance.now()))
      : true;
    this.#test.probe?.('stop.closing');
    const abandoned = this.#parts?.pipeline.active ?? 0;
    await within(closingMs / 2, this.#close());
    this.#parts?.maintenance.close();
    this.#desk?.close();
    this.#figures?.close();
    notifier.close();
    emit('writer.stopped', { clean, abandoned });
  }

  /** Frees the lock, also when the stop came while it was being taken. */
  async #close(): Promise<void> {
    await (await this.#opening)?.close();
  }
}

/** Finishes what is under way and tells Redis, as far as the time goes. @returns whether nothing was left. */
async function drain(
  { redis, intake, pipeline, committer, state, strays, disk, maintenance }: Parts,
  left: () => number,
): Promise<boolean> {
  void intake.pause(true).catch(() => undefined); // a paused intake fetches nothing; its errors are events of their own
  const rested = maintenance.stop(); // no further slice begins; the one under way is over when the pipeline is
  const idle = await within(left(), pipeline.whenIdle());
  // With nothing under way, closing waits only for acknowledgements: else, and with Redis away, it must not wait at all.
  const closed = await within(left(), intake.close(!idle || redis.status !== 'ready'));
  await within(left(), committer.stop());
  await within(Math.min(left(), restMs), rested);
  await maintenance.dropAnchor();
  state.stop();
  strays.stop();
  disk.stop();
  await within(closingMs / 2, state.enter('stopped'));
  pipeline.abandon();
  redis.disconnect();
  return idle && closed;
}

/** Whether the promise was fulfilled within the time. Its error is not ours here: connections tell theirs as events. */
async function within(ms: number, promise: Promise<unknown>): Promise<boolean> {
  const settled = promise.then(
    () => true,
    () => false,
  );
  return Promise.race([settled, wait(ms, false, { ref: false })]);
}
