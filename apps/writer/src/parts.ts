// The writer's parts, wired: from the queue to the commit thread and back to the producers. Nothing runs yet.

import type { Config } from '@filefleet/config';
import { limits, queueName, redisKeys } from '@filefleet/protocol';
import { type Clock, type ContentDesk, incomingDir } from '@filefleet/store';
import type { Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { chunkLines } from './chunk-lines.ts';
import { Committer } from './commit.ts';
import type { CommitLine } from './commit-line.ts';
import { ContentStage, largeAtOnce } from './content.ts';
import { DiskWatch } from './disk.ts';
import type { Emit, Subscriber } from './events.ts';
import type { TestSwitches } from './failpoints.ts';
import { Fence } from './fence.ts';
import { IncomingFiles } from './incoming.ts';
import { createIntake } from './intake.ts';
import { Lanes } from './lanes.ts';
import { Maintenance } from './maintenance/maintenance.ts';
import { Metrics } from './metrics.ts';
import { Pipeline } from './pipeline.ts';
import { ReceiptStage } from './receipts.ts';
import { connectRedis } from './redis.ts';
import { readStagedChunks } from './staged-chunks.ts';
import { StagingBudget } from './staging-budget.ts';
import { StatePublisher } from './state.ts';
import { StrayWatch } from './strays.ts';
import { SuspectNotes } from './suspect-notes.ts';
import { Suspicion } from './suspicion.ts';
import { Turns } from './turns.ts';

export interface PartsOptions {
  readonly config: Config;
  readonly redisUrl: string;
  readonly line: CommitLine;
  readonly desk: ContentDesk;
  readonly emit: Emit;
  readonly subscribe: (subscriber: Subscriber) => void;
  readonly clock: Clock;
  readonly test: TestSwitches;
  readonly onFatal: (error: unknown) => void;
}

export interface Parts {
  readonly redis: Redis;
  readonly queue: QueuePlace;
  readonly notes: SuspectNotes;
  readonly suspicion: Suspicion;
  readonly intake: Worker;
  readonly pipeline: Pipeline;
  readonly committer: Committer;
  readonly state: StatePublisher;
  readonly strays: StrayWatch;
  readonly disk: DiskWatch;
  readonly maintenance: Maintenance;
  readonly metrics: Metrics;
}

/** Where the queue is, and the fence before it. */
export interface QueuePlace {
  /** Prefix and name, such as `{filefleet:0}:operations`. */
  readonly key: string;
  readonly fence: { readonly epochKey: string; readonly epoch: number };
}

export function createParts(options: PartsOptions): Parts {
  const { config, redisUrl, line, desk, emit, subscribe, clock, test, onFatal } = options;
  const { epoch, schemaVersion, storeId } = line;
  const keys = redisKeys(config.shard);
  const redis = connectRedis(redisUrl, 'main', emit);
  const epochKey = test.without.has('epoch') ? `${keys.epoch}:unguarded:${epoch}` : keys.epoch;
  const claim = { storeId, replaces: config.replacesStore, replacedKeys: [keys.known, keys.audit] };
  const fence = new Fence(redis, epochKey, epoch, claim);
  const disk = new DiskWatch({ dataDir: config.dataDir, ballastBytes: config.ballastBytes, emit });
  const { inlineBlobBytes, stagedTotalBytes, queuedOperationsPerVm } = config;
  const staging = new StagingBudget({
    redis,
    fence,
    keys,
    totalBytes: stagedTotalBytes,
    emit,
    onFenced: onFatal,
  });
  const pressure = () => (disk.pressure === 'none' ? staging.pressure : disk.pressure);
  const notes = new SuspectNotes({ line, disk, emit });
  const suspicion = new Suspicion(notes);
  const committer = new Committer({
    apply: (entries) => line.apply(entries),
    emit,
    clock,
    groupOperations: config.groupOperations,
    groupBytes: config.groupBytes,
    onFull: () => disk.noteFull(true),
    onFatal,
  });
  const lines = chunkLines(redis, largeAtOnce);
  redis.once('end', lines.close);
  const incoming = new IncomingFiles(incomingDir(config.dataDir), emit);
  const content = new ContentStage({
    desk,
    incoming,
    readChunk: readStagedChunks(redis),
    pourChunks: lines.pour,
    keys,
    limits: { ...limits, inlineBlobBytes },
    disk,
    staging,
    emit,
    clock,
  });
  const pipeline = new Pipeline({
    turns: new Turns(),
    lanes: new Lanes(),
    content,
    committer,
    receipts: new ReceiptStage(fence, keys, emit, clock),
    suspicion,
    emit,
    clock,
    probe: test.probe,
    receiptFirst: test.without.has('receipt-first'),
    onFatal,
  });
  const intake = createIntake({
    redis,
    shard: config.shard,
    concurrency: 2 * config.groupOperations, // one group gathers while another one is committed
    emit,
    handle: (job) => pipeline.handle(job),
  });
  const maintenance = new Maintenance({
    config,
    line,
    desk,
    redis,
    fence,
    emit,
    clock,
    probe: test.probe,
    isBusy: () => pipeline.active > 0,
    onFatal,
  });
  subscribe(maintenance.subscriber);
  const state = new StatePublisher({
    fence,
    keys,
    clock,
    epoch,
    schemaVersion,
    configured: { inlineBlobBytes, stagedTotalBytes, queuedOperationsPerVm },
    staged: () => staging.figures,
    lastCommit: () => desk.lastCommit(),
    pressure,
    room: () => disk.room,
    maintenance: () => maintenance.state,
    emit,
    onFenced: onFatal,
  });
  subscribe(state.subscriber);
  const metrics = new Metrics({
    walPath: desk.walPath,
    queueDepth: async () =>
      redis.status === 'ready' ? redis.llen(`${keys.prefix}:${queueName}:wait`) : undefined,
    active: () => pipeline.active,
    commitDepth: () => committer.depth,
    pressure: () => disk.pressure,
    staged: () => staging.figures,
    stagedLimitBytes: stagedTotalBytes,
    isClockDoubted: () => maintenance.isClockDoubted,
    damagedContents: () => maintenance.damagedContents,
  });
  subscribe(metrics.subscriber);
  const queue = { key: `${keys.prefix}:${queueName}`, fence: { epochKey, epoch } };
  const strays = new StrayWatch({
    redis,
    queue,
    workerId: intake.id,
    isUnderWay: (jobId) => pipeline.isUnderWay(jobId),
    emit,
  });
  return {
    redis,
    queue,
    notes,
    suspicion,
    intake,
    pipeline,
    committer,
    state,
    strays,
    disk,
    maintenance,
    metrics,
  };
}
