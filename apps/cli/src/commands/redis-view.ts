// What an operator wants to know of Redis: is it there, is it set up as it must be, what does the writer say, how long is the queue.
// Bounded: a Redis that is away or hangs is an answer, not a wait.

import {
  queueName,
  redisKeys,
  type WriterState,
  writerStateField,
  writerStateSchema,
} from '@filefleet/protocol';
import { Redis } from 'ioredis';
import { CliError } from '../errors.ts';

const patienceMs = 2_000;
const settledLooked = 50;

export interface RedisView {
  readonly version: string;
  readonly maxmemoryPolicy: string;
  readonly appendOnly: boolean;
  readonly usedBytes: number;
  /** 0: no limit. */
  readonly maxBytes: number;
  /** Undefined: no writer has said anything that can be read. */
  readonly writer: WriterState | undefined;
  readonly queue: Readonly<Record<'waiting' | 'active' | 'delayed' | 'completed' | 'failed', number>>;
  /** The jobs that were settled last, at most 50, newest first. Times in milliseconds since 1970. */
  readonly settled: readonly SettledJob[];
}

export interface SettledJob {
  /** By the clock of the producer. */
  readonly enqueuedAtMs: number;
  readonly settledAtMs: number;
}

/** @throws CliError REDIS_UNAVAILABLE, exit 69 */
export async function viewRedis(redisUrl: string, shard: number): Promise<RedisView> {
  const eye = new RedisEye(redisUrl, shard);
  try {
    return await eye.look();
  } finally {
    eye.close();
  }
}

/** Looks again and again over one connection; after a failure, over a new one. */
export class RedisEye {
  readonly url: string;
  readonly #shard: number;
  #redis: Redis | undefined;

  /** Connects when it looks first. */
  constructor(redisUrl: string, shard: number) {
    this.url = redisUrl;
    this.#shard = shard;
  }

  /** @throws CliError REDIS_UNAVAILABLE, exit 69 */
  async look(): Promise<RedisView> {
    try {
      this.#redis ??= await connect(this.url);
      return await readAll(this.#redis, this.#shard);
    } catch (cause) {
      this.close();
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new CliError(
        'REDIS_UNAVAILABLE',
        'unavailable',
        `expected Redis to answer within ${patienceMs} ms, got ${reason || 'no connection'}; is it running, and is FILEFLEET_REDIS_URL right?`,
        { cause },
      );
    }
  }

  close(): void {
    this.#redis?.disconnect();
    this.#redis = undefined;
  }
}

async function connect(redisUrl: string): Promise<Redis> {
  const redis = new Redis(redisUrl, {
    lazyConnect: true,
    connectTimeout: patienceMs,
    commandTimeout: patienceMs,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  redis.on('error', () => {}); // told by the rejection
  try {
    await redis.connect();
    return redis;
  } catch (error) {
    redis.disconnect();
    throw error;
  }
}

async function readAll(redis: Redis, shard: number): Promise<RedisView> {
  const info = parseInfo(await redis.info());
  return {
    version: info.redis_version ?? 'unknown',
    maxmemoryPolicy: info.maxmemory_policy ?? 'unknown',
    appendOnly: info.aof_enabled === '1',
    usedBytes: Number(info.used_memory ?? 0),
    maxBytes: Number(info.maxmemory ?? 0),
    writer: await readWriter(redis, shard),
    queue: await readQueue(redis, shard),
    settled: await readSettled(redis, shard),
  };
}

async function readWriter(redis: Redis, shard: number): Promise<WriterState | undefined> {
  const text = await redis.hget(redisKeys(shard).writer, writerStateField);
  if (text === null) return undefined;
  try {
    return writerStateSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

async function readQueue(redis: Redis, shard: number): Promise<RedisView['queue']> {
  const key = (list: string) => `${redisKeys(shard).prefix}:${queueName}:${list}`;
  const [waiting, active, delayed, completed, failed] = await Promise.all([
    redis.llen(key('wait')),
    redis.llen(key('active')),
    redis.zcard(key('delayed')),
    redis.zcard(key('completed')),
    redis.zcard(key('failed')),
  ]);
  return { waiting, active, delayed, completed, failed };
}

/** Applied ones only: they stay in Redis for a while. */
async function readSettled(redis: Redis, shard: number): Promise<SettledJob[]> {
  const prefix = `${redisKeys(shard).prefix}:${queueName}`;
  const ids = await redis.zrevrange(`${prefix}:completed`, 0, settledLooked - 1);
  const times = await Promise.all(ids.map((id) => redis.hmget(`${prefix}:${id}`, 'timestamp', 'finishedOn')));
  return times.flatMap(([enqueued, settled]) =>
    enqueued && settled ? [{ enqueuedAtMs: Number(enqueued), settledAtMs: Number(settled) }] : [],
  );
}

function parseInfo(text: string): Partial<Record<string, string>> {
  return Object.fromEntries(
    text
      .split('\r\n')
      .filter((line) => line.includes(':'))
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  );
}
