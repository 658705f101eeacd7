// The writer, wired: what it opens, in which order it starts, and how it stops.
//
// Start: lock, schema, epoch - then Redis: policy, fence, reclaim, intake. Stop: no new jobs, finish what is under way,
// settle or leave every job to the successor, checkpoint, free the lock. Starting waits for Redis; stopping never does.

import { setTimeout as wait } from 'node:timers/promises';
import type { Config } from '@filefleet/config';
import { requireRedisUrl } from '@filefleet/config';
import { limits, queueName, redisKeys } from '@filefleet/protocol';
import { type Clock, systemClock, WriterSession } from '@filefleet/store';
import type { Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { Committer } from './commit.ts';
import { ContentStage } from './content.ts';
import type { Emit, Subscriber } from './events.ts';
import { Fence } from './fence.ts';
import { createIntake } from './intake.ts';
import { Lanes } from './lanes.ts';
import type { Notifier } from './notify.ts';
import { Pipeline } from './pipeline.ts';
import { ReceiptStage } from './receipts.ts';
import { reclaimActiveJobs } from './reclaim.ts';
import { assertNoEviction, connectRedis } from './redis.ts';
import { StatePublisher } from './state.ts';

/** Receipts and refusals over their bounds are forgotten this often, in milliseconds. */
const pruneEveryMs = 3_600_000;
/** A commit stage without progress for this long is stuck, in milliseconds: the watchdog starves. */
const stuckAfterMs = 30_000;
/** What a stop keeps of its budget for telling Redis and closing, in milliseconds. */
const closingMs = 800;

export interface WriterOptions {
  readonly config: Config;
  readonly emit: Emit;
  readonly subscribe: (subscriber: Subscriber) => void;
  readonly notifier: Notifier;
  readonly clock?: Clock;
}

interface Parts {
  readonly redis: Redis;
  readonly intake: Worker;
  readonly pipeline: Pipeline;
  readonly committer: Committer;
  readonly state: StatePublisher;
}

export class Writer {
  /** Resolves with the error after which this writer may do nothing more. */
  readonly failed: Promise<unknown>;
  readonly #options: WriterOptions;
  readonly #clock: Clock;
  #fail: (error: unknown) => void = () => undefined;
  #session: WriterSession | undefined;
  #parts: Parts | undefined;
  #pruning: NodeJS.Timeout | undefined;
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
    const { config, emit, notifier } = this.#options;
    emit('writer.starting', { pid: process.pid, dataDir: config.dataDir });
    const redisUrl = requireRedisUrl(config);
    const session = await WriterSession.open({ dataDir: config.dataDir, clock: this.#clock });
    this.#session = session;
    const { epoch, schemaVersion, healed } = session;
    emit('writer.opened', { epoch, schemaVersion, healed });
    notifier.ready(`epoch ${epoch}, schema ${schemaVersion}`);
    const parts = this.#wire(session, redisUrl);
    notifier.watch(() => this.#clock.nowMs() - parts.committer.progressAtMs < stuckAfterMs);
    const reclaimed = await this.#enterQueue(session, parts);
    if (reclaimed === undefined) return;
    this.#prune();
    this.#pruning = setInterval(() => this.#prune(), pruneEveryMs);
    this.#pruning.unref();
    emit('writer.ready', { epoch, schemaVersion, reclaimed });
  }

  /** Stops within the configured time, whatever Redis does. Stopping twice is stopping once. */
  stop(reason: string): Promise<void> {
    this.#stopped ??= this.#stop(reason);
    return this.#stopped;
  }

  #wire(session: WriterSession, redisUrl: string): Parts {
    const { config, emit, subscribe } = this.#options;
    const clock = this.#clock;
    const onFatal = (error: unknown): void => this.#fail(error);
    const keys = redisKeys(config.shard);
    const redis = connectRedis(redisUrl, 'main', emit);
    const fence = new Fence(redis, keys.epoch, session.epoch);
    const committer = new Committer({
      apply: (entries) => session.apply(entries),
      emit,
      clock,
      groupOperations: config.groupOperations,
      groupBytes: config.groupBytes,
      onFatal,
    });
    const content = new ContentStage({
      session,
      readChunk: (key) => redis.getBuffer(key),
      keys,
      limits: { ...limits, inlineBlobBytes: config.inlineBlobBytes },
      emit,
      clock,
    });
    const receipts = new ReceiptStage(fence, keys, emit);
    const pipeline = new Pipeline({ lanes: new Lanes(), content, committer, receipts, emit, onFatal });
    const intake = createIntake({
      redis,
      shard: config.shard,
      concurrency: config.groupOperations,
      emit,
      handle: (job) => pipeline.handle(job),
    });
    const state = new StatePublisher({
      fence,
      keys,
      clock,
      epoch: session.epoch,
      schemaVersion: session.schemaVersion,
      inlineBlobBytes: config.inlineBlobBytes,
      lastCommit: () => session.lastCommit(),
      onFenced: onFatal,
    });
    subscribe((event) => {
      if (event === 'operation.settled') state.count('applied');
      if (event === 'operation.refused') state.count('refused');
      if (event === 'operation.resent') state.count('resend');
      if (event === 'job.quarantined') state.count('quarantined');
    });
    this.#parts = { redis, intake, pipeline, committer, state };
    return this.#parts;
  }

  /** @returns how many jobs were taken back; undefined when a stop came first. */
  async #enterQueue(session: WriterSession, { redis, intake, state }: Parts): Promise<number | undefined> {
    const { config, emit } = this.#options;
    const keys = redisKeys(config.shard);
    if (redis.status !== 'ready') emit('writer.waiting', { for: 'redis', reason: 'not connected yet' });
    try {
      await assertNoEviction(redis);
      await state.enter('starting'); // raises the fence: from here on a predecessor publishes nothing
      const fence = { epochKey: keys.epoch, epoch: session.epoch };
      const reclaimed = await reclaimActiveJobs(redis, `${keys.prefix}:${queueName}`, fence);
      if (this.#stopped) return undefined;
      intake.run().catch((error: unknown) => this.#fail(error));
      await state.enter('running');
      state.start();
      return reclaimed;
    } catch (error) {
      if (this.#stopped) return undefined; // the stop took the connection away
      throw error;
    }
  }

  #prune(): void {
    try {
      const pruned = this.#session?.prune();
      if (pruned && pruned.receipts + pruned.refusals > 0) this.#options.emit('maintenance.pruned', pruned);
    } catch (error) {
      this.#fail(error);
    }
  }

  async #stop(reason: string): Promise<void> {
    const { config, emit, notifier } = this.#options;
    emit('writer.stopping', { reason });
    notifier.stopping();
    clearInterval(this.#pruning);
    const deadline = performance.now() + config.stopTimeoutMs - closingMs;
    const left = (): number => Math.max(0, deadline - performance.now());
    const parts = this.#parts;
    let clean = true;
    if (parts) {
      void parts.intake.pause(true).catch(() => undefined); // a paused intake fetches nothing; errors are its own event
      clean = await within(left(), parts.pipeline.whenIdle());
      // With nothing under way, closing waits only for acknowledgements; else it must not wait at all.
      clean = (await within(left(), parts.intake.close(!clean))) && clean;
      await parts.committer.stop();
      parts.state.stop();
      await within(closingMs / 2, parts.state.enter('stopped'));
      parts.redis.disconnect();
    }
    const abandoned = parts?.pipeline.active ?? 0;
    this.#session?.close();
    notifier.close();
    emit('writer.stopped', { clean, abandoned });
  }
}

/** Whether the promise was fulfilled within the time. Its error is not ours here: connections tell theirs as events. */
async function within(ms: number, promise: Promise<unknown>): Promise<boolean> {
  const settled = promise.then(
    () => true,
    () => false,
  );
  return Promise.race([settled, wait(ms, false, { ref: false })]);
}
