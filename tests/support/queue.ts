// The queue as BullMQ and Redis have it, and jobs put into it without a client: by agents in other languages, by broken
// programs, by hostile ones.

import { makeJobId, makeOperationId, queueName, redisKeys, redisPrefix } from '@filefleet/protocol';
import { type JobsOptions, Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { sha256 } from './database.ts';

export interface RawJobFacts {
  readonly jobId: string;
  readonly operationId: string;
}

export class TestQueue {
  readonly redis: Redis;
  readonly queue: Queue;
  readonly #keys = redisKeys();

  constructor(url: string) {
    this.redis = new Redis(url, { maxRetriesPerRequest: null });
    this.redis.on('error', () => undefined); // tests take Redis away on purpose
    this.queue = new Queue(queueName, { connection: this.redis, prefix: redisPrefix() });
    this.queue.on('error', () => undefined);
  }

  /** Key of a part of the queue (`wait`) or of a job's hash. */
  key(part: string): string {
    return `${redisPrefix()}:${queueName}:${part}`;
  }

  /** A well-formed payload of a small text file, its bytes staged. */
  async stageText(text: string, fields: Readonly<Record<string, unknown>> = {}) {
    const operationId = makeOperationId();
    const bytes = Buffer.from(text);
    await this.redis.set(this.#keys.staged('vm4', operationId, 0), bytes);
    return {
      v: 1,
      operationId,
      vm: 'vm4',
      sessionId: 'raw',
      filename: 'raw.txt',
      digest: sha256(bytes),
      size: bytes.byteLength,
      content: { from: 'staged', chunks: 1 },
      ...fields,
    };
  }

  /** Adds a job as any BullMQ client would. */
  async add(name: string, data: { operationId: string }, options: JobsOptions = {}): Promise<RawJobFacts> {
    const { operationId } = data;
    const jobId = options.jobId ?? makeJobId('vm4', operationId);
    await this.queue.add(name, data, { ...options, jobId });
    return { jobId, operationId };
  }

  /** Jobs that wait, run, or wait for their time. */
  async unfinished(): Promise<number> {
    return await this.queue.getJobCountByTypes('wait', 'active', 'delayed', 'prioritized');
  }

  /** Everything that is in Redis, keys and values, as one text. */
  async dump(): Promise<string> {
    const keys = await this.redis.keys('*');
    const values = await Promise.all(keys.map((key) => this.#valueOf(key)));
    return JSON.stringify(Object.fromEntries(keys.map((key, n) => [key, values[n]])));
  }

  async close(): Promise<void> {
    await this.queue.close();
    this.redis.disconnect();
  }

  async #valueOf(key: string): Promise<unknown> {
    switch (await this.redis.type(key)) {
      case 'string':
        return await this.redis.get(key);
      case 'hash':
        return await this.redis.hgetall(key);
      case 'list':
        return await this.redis.lrange(key, 0, -1);
      case 'set':
        return await this.redis.smembers(key);
      case 'zset':
        return await this.redis.zrange(key, '0', '-1');
      case 'stream':
        return await this.redis.xrange(key, '-', '+');
      default:
        return null; // expired between the two questions
    }
  }
}
