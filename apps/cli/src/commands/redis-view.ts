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
}

/** @throws CliError REDIS_UNAVAILABLE, exit 69 */
export async function viewRedis(redisUrl: string, shard: number): Promise<RedisView> {
  const redis = new Redis(redisUrl, {
    lazyConnect: true,
    connectTimeout: patienceMs,
    commandTimeout: patienceMs,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  redis.on('error', () => {}); // told by the rejection below
  try {
    await redis.connect();
    const info = parseInfo(await redis.info());
    return {
      version: info.redis_version ?? 'unknown',
      maxmemoryPolicy: info.maxmemory_policy ?? 'unknown',
      appendOnly: info.aof_enabled === '1',
      usedBytes: Number(info.used_memory ?? 0),
      maxBytes: Number(info.maxmemory ?? 0),
      writer: await readWriter(redis, shard),
      queue: await readQueue(redis, shard),
    };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CliError(
      'REDIS_UNAVAILABLE',
      'unavailable',
      `expected Redis to answer within ${patienceMs} ms, got ${reason || 'no connection'}; is it running, and is FILEFLEET_REDIS_URL right?`,
      { cause },
    );
  } finally {
    redis.disconnect();
  }
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

function parseInfo(text: string): Partial<Record<string, string>> {
  return Object.fromEntries(
    text
      .split('\r\n')
      .filter((line) => line.includes(':'))
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  );
}
