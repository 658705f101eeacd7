// Redis as a writer prepares it for staging, for tests without a writer; and a clock of the test's own inside it.

import {
  redisKeys,
  type stagingFigures,
  stagingFunctions,
  stagingLibrary,
  stagingLimitFields,
} from '@filefleet/protocol';
import { Redis } from 'ioredis';

const keys = redisKeys();
const clockKey = `${keys.prefix}:test-clock`;

export interface Budget {
  readonly totalBytes: number;
  readonly shareBytes: number;
}

/** Loads the staging library. @param redisOrUrl the Redis, or where it is. */
export async function prepareStaging(redisOrUrl: Redis | string, budget?: Budget): Promise<void> {
  await withRedis(redisOrUrl, async (redis) => {
    await redis.function('LOAD', 'REPLACE', stagingLibrary());
    if (budget) await limitStaging(redis, budget);
  });
}

export async function limitStaging(redis: Redis, { totalBytes, shareBytes }: Budget): Promise<void> {
  const { total, share } = stagingLimitFields;
  await redis.hset(keys.staging, { [total]: totalBytes, [share]: shareBytes });
}

export interface StagingClock {
  /** Lets time pass for the library, and lets Redis forget what has expired by then. */
  advance(ms: number): Promise<void>;
}

/** Loads the library with a clock that stands until it is told. */
export async function ownStagingClock(redis: Redis, budget: Budget): Promise<StagingClock> {
  let nowMs = Date.now();
  await redis.function(
    'LOAD',
    'REPLACE',
    stagingLibrary(`return tonumber(redis.call('GET', '${clockKey}'))`),
  );
  await redis.set(clockKey, nowMs);
  await limitStaging(redis, budget);
  return {
    advance: async (ms) => {
      nowMs += ms;
      await redis.set(clockKey, nowMs);
      for (const key of await stagedKeys(redis)) {
        if ((await redis.pexpiretime(key)) < nowMs) await redis.del(key);
      }
    },
  };
}

/** Drops the chunks of an operation and gives its reservation back. */
export async function releaseStaged(
  redis: Redis,
  vm: string,
  operationId: string,
  chunks: number,
): Promise<void> {
  const staged = Array.from({ length: chunks }, (_, n) => keys.staged(vm, operationId, n));
  await redis.fcall(stagingFunctions.release, chunks + 1, keys.staging, ...staged, vm, operationId);
}

/** Bytes of all chunks that are in Redis. */
export async function stagedBytes(redis: Redis): Promise<number> {
  const found = await stagedKeys(redis);
  const sizes = await Promise.all(found.map((key) => redis.strlen(key)));
  return sizes.reduce((sum, size) => sum + size, 0);
}

export async function stagedKeys(redis: Redis): Promise<string[]> {
  const found = new Set<string>();
  for await (const batch of redis.scanStream({ match: `${keys.prefix}:staged:*`, count: 1_000 })) {
    for (const key of batch as string[]) found.add(key);
  }
  return [...found];
}

export type Figures = Record<(typeof stagingFigures)[number], number>;

/** What the budget counts. */
export async function stagingFiguresOf(redis: Redis): Promise<Figures> {
  const reply = (await redis.fcall(stagingFunctions.reap, 1, keys.staging)) as number[];
  const [bytes = 0, operations = 0, waiting = 0, orphanedBytes = 0, orphanedOperations = 0, unreserved = 0] =
    reply;
  return {
    bytes,
    operations,
    waiting,
    orphanedBytes,
    orphanedOperations,
    unreservedOperations: unreserved,
  };
}

async function withRedis(redisOrUrl: Redis | string, use: (redis: Redis) => Promise<void>): Promise<void> {
  if (typeof redisOrUrl !== 'string') return use(redisOrUrl);
  const redis = new Redis(redisOrUrl);
  try {
    await use(redis);
  } finally {
    redis.disconnect();
  }
}
