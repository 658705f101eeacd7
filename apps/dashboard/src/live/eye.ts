// One look at the whole fleet: Redis with writer and queue, store, disk, backups. What is away is told in its place and
// does not hide the rest; each part answers within a bounded time.

import { statfs } from 'node:fs/promises';
import {
  type FleetFacts,
  redisKeys,
  type WriterState,
  writerStateField,
  writerStateSchema,
} from '@filefleet/protocol';
import {
  type CareFacts,
  isStoreError,
  type ListedBackup,
  listBackups,
  type StoreStatistics,
} from '@filefleet/store';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { StoreDoor } from '../api/store-door.ts';
import { within } from '../deadline.ts';
import { countedStates, probeTimeoutMs, type QueueCounts } from '../fleet-state.ts';

export interface RedisLook {
  readonly usedBytes: number;
  /** 0: no limit. */
  readonly maxBytes: number;
  readonly writer: WriterState | undefined;
  readonly queue: QueueCounts;
  readonly queuePaused: boolean;
}

export interface StoreLook {
  readonly statistics: StoreStatistics;
  readonly care: CareFacts;
}

export interface FleetLook {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  /** Undefined: Redis cannot be reached. */
  readonly redis: RedisLook | undefined;
  /** A sentence when it cannot be read. */
  readonly store: StoreLook | { readonly problem: string };
  readonly disk: { readonly freeBytes: number; readonly totalBytes: number } | undefined;
  /** Oldest first; undefined when the folder cannot be read. */
  readonly backups: readonly ListedBackup[] | undefined;
}

export interface EyeParts {
  readonly redis: Redis;
  readonly queue: Queue;
  readonly door: StoreDoor;
  readonly config: { readonly shard: number; readonly dataDir: string; readonly backupDir: string };
}

const dayMs = 86_400_000;
/** What hardly changes is asked for less often, in milliseconds. */
const careEveryMs = 5_000;
const backupsEveryMs = 30_000;

export class FleetEye {
  readonly #parts: EyeParts;
  readonly #care: (atMs: number) => CareFacts;
  readonly #backups: (atMs: number) => Promise<readonly ListedBackup[] | undefined>;

  constructor(parts: EyeParts) {
    this.#parts = parts;
    const { door, config } = parts;
    this.#care = seldom(careEveryMs, (atMs) => door.reader().care.getFacts(atMs - dayMs));
    this.#backups = seldom(backupsEveryMs, () => listBackups(config.backupDir).catch(() => undefined));
  }

  /** @param atMs wall clock. Never rejects for what is away. */
  async look(atMs: number): Promise<FleetLook> {
    const [redis, backups] = await Promise.all([this.#lookAtRedis(), this.#backups(atMs)]);
    const disk = redis?.writer?.disk ?? (await measure(this.#parts.config.dataDir));
    return { atMs, redis, store: this.#lookAtStore(atMs), disk, backups };
  }

  async #lookAtRedis(): Promise<RedisLook | undefined> {
    const { redis, queue, config } = this.#parts;
    if (redis.status !== 'ready') return undefined;
    const asked = Promise.all([
      redis.hget(redisKeys(config.shard).writer, writerStateField),
      redis.info('memory'),
      queue.getJobCounts(...countedStates),
      queue.isPaused(),
    ]);
    const answers = await within(probeTimeoutMs, asked).catch(() => undefined);
    if (!answers) return undefined;
    const [state, memory, counts, queuePaused] = answers;
    return {
      usedBytes: numberIn(memory, 'used_memory'),
      maxBytes: numberIn(memory, 'maxmemory'),
      writer: readWriter(state),
      queue: counts as QueueCounts,
      queuePaused,
    };
  }

  #lookAtStore(atMs: number): FleetLook['store'] {
    try {
      return { statistics: this.#parts.door.reader().getStatistics(), care: this.#care(atMs) };
    } catch (error) {
      if (!isStoreError(error)) throw error;
      return { problem: problems[error.code] ?? `It says ${error.code}; the log of the writer says more.` };
    }
  }
}

/** Messages of the store name paths, which are no business of a viewer. */
const problems: Readonly<Record<string, string>> = {
  NOT_INITIALIZED: 'There is none yet, or it is of an older version; the writer makes it when it starts.',
  SCHEMA_NEWER: 'It is newer than this dashboard; update the dashboard.',
  DATABASE_CORRUPT: 'The database is damaged; restore a backup.',
};

/** Pure: what the shared judgement asks for. */
export function factsOf({ atMs, redis, store, disk, backups }: FleetLook): FleetFacts {
  const backup = backups && newestBackup(backups);
  return {
    nowMs: atMs,
    redis: redis ? { up: true, usedBytes: redis.usedBytes, maxBytes: redis.maxBytes } : { up: false },
    ...(redis?.writer && { writer: redis.writer }),
    ...(redis && { queue: { ...redis.queue, paused: redis.queuePaused } }),
    ...(disk && { disk }),
    store:
      'problem' in store
        ? { problem: store.problem }
        : {
            damagedContents: store.care.damagedContents,
            recentlyRefused: store.care.refused,
            recentlyQuarantined: store.care.quarantined,
          },
    ...(backup !== undefined && { backup }),
  };
}

/** Pure: the newest that can be read; null: there is none. */
export function newestBackup(backups: readonly ListedBackup[]): NonNullable<FleetFacts['backup']> | null {
  const newest = backups.findLast(({ manifest }) => manifest !== undefined);
  if (!newest?.manifest) return null;
  const { manifest, verdict } = newest;
  const madeAtMs = Date.parse(manifest.createdAt);
  return verdict
    ? { madeAtMs, verified: { ok: verdict.ok, atMs: Date.parse(verdict.verifiedAt) } }
    : { madeAtMs };
}

function readWriter(json: string | null): WriterState | undefined {
  try {
    return json === null ? undefined : writerStateSchema.safeParse(JSON.parse(json)).data;
  } catch {
    return undefined;
  }
}

const numberIn = (info: string, name: string): number =>
  Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);

async function measure(folder: string): Promise<FleetLook['disk']> {
  const facts = await statfs(folder).catch(() => undefined);
  return facts && { freeBytes: facts.bavail * facts.bsize, totalBytes: facts.blocks * facts.bsize };
}

/** Remembers an answer for a while; also for a clock that went back. An error is not remembered. */
function seldom<T>(everyMs: number, read: (atMs: number) => T): (atMs: number) => T {
  let known: { readonly atMs: number; readonly answer: T } | undefined;
  return (atMs) => {
    if (!known || Math.abs(atMs - known.atMs) >= everyMs) known = { atMs, answer: read(atMs) };
    return known.answer;
  };
}
