// A producer without our client: it puts jobs into the queue by hand, asks for the same one twice, moves jobs about as
// a stalled check would, and keeps every answer that the writer published, in the order of publication.

import { randomUUID } from 'node:crypto';
import {
  type Answer,
  makeJobId,
  makeOperationId,
  type OperationName,
  parseAnswer,
  queueName,
  redisKeys,
  redisPrefix,
  replyField,
} from '@filefleet/protocol';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { sha256 } from '../../support/operations.ts';

export interface Asked {
  readonly operationId: string;
  readonly jobId: string;
  readonly name: OperationName;
  readonly payload: Readonly<Record<string, unknown>>;
}

export class RawProducer {
  readonly #redis: Redis;
  readonly #queue: Queue;
  readonly #vm: string;
  readonly #producer = randomUUID();
  readonly #keys = redisKeys(0);

  static async open(url: string, vm: string): Promise<RawProducer> {
    const redis = new Redis(url, { maxRetriesPerRequest: null });
    redis.on('error', () => undefined); // tests end Redis before their producers
    const producer = new RawProducer(redis, vm);
    await redis.xadd(producer.#replies, '*', 'made', 'by its producer');
    return producer;
  }

  private constructor(redis: Redis, vm: string) {
    this.#redis = redis;
    this.#vm = vm;
    this.#queue = new Queue(queueName, { connection: redis, prefix: redisPrefix(0) });
    this.#queue.on('error', () => undefined);
  }

  /** Stages the bytes in one chunk and asks for the file. */
  async store(sessionId: string, filename: string, bytes: Buffer): Promise<Asked> {
    const operationId = makeOperationId();
    await this.#redis.set(this.#keys.staged(this.#vm, operationId, 0), bytes);
    const content = { from: 'staged', chunks: 1 };
    const facts = { sessionId, filename, digest: sha256(bytes), size: bytes.byteLength, content };
    return await this.ask('file-store', facts, operationId);
  }

  /** Without numbers: nothing but the ledger keeps such an operation from being done twice. */
  async ask(
    name: OperationName,
    fields: Readonly<Record<string, unknown>>,
    operationId = makeOperationId(),
  ): Promise<Asked> {
    const payload = { v: 1, operationId, vm: this.#vm, producer: this.#producer, ...fields };
    const jobId = makeJobId(this.#vm, operationId);
    await this.#queue.add(name, payload, { jobId });
    return { operationId, jobId, name, payload };
  }

  /** The same operation under the next job id. */
  async askAgain({ name, payload, operationId }: Asked, repeat: number): Promise<void> {
    await this.#queue.add(name, payload, { jobId: makeJobId(this.#vm, operationId, repeat) });
  }

  /** What a stalled check does to a job whose writer is slow: it is fetched again while it still runs. */
  async redeliver({ jobId }: Asked): Promise<void> {
    const key = (part: string): string => `${this.#keys.prefix}:${queueName}:${part}`;
    const moved = await this.#redis
      .multi()
      .lrem(key('active'), 1, jobId)
      .del(key(`${jobId}:lock`))
      .rpush(key('wait'), jobId)
      .zadd(key('marker'), 0, '0')
      .exec();
    if (moved?.[0]?.[1] !== 1)
      throw new Error(`expected job ${jobId} to be active, got ${String(moved?.[0])}`);
  }

  /** All answers to one operation, repeats too. */
  async answers({ operationId }: Asked): Promise<Answer[]> {
    return (await this.published()).filter((answer) => answer.operationId === operationId);
  }

  /** Everything that was published to this producer. */
  async published(): Promise<Answer[]> {
    const entries = await this.#redis.xrange(this.#replies, '-', '+');
    return entries.flatMap(([, fields]) => {
      const at = fields.indexOf(replyField);
      return at < 0 ? [] : [parseAnswer(fields[at + 1] ?? '')];
    });
  }

  /** Jobs that somebody has fetched and not settled. */
  activeJobs(): Promise<number> {
    return this.#queue.getActiveCount();
  }

  async close(): Promise<void> {
    await this.#queue.close();
    this.#redis.disconnect();
  }

  get #replies(): string {
    return this.#keys.receipts(this.#vm, this.#producer);
  }
}
