// Jobs as a client leaves them in Redis: the same for every contestant. Bytes are staged, sequences are numbered, and the
// producer's reply stream is there, so that nobody is spared work that a real job brings.

import { createHash, randomBytes, randomUUID } from 'node:crypto';
import {
  limits,
  makeJobId,
  makeOperationId,
  protocolVersion,
  queueName,
  redisKeys,
} from '@filefleet/protocol';
import { type JobsOptions, Queue } from 'bullmq';
import { Redis } from 'ioredis';

const vm = 'vm5';
const sessions = 100;
const addedTogether = 1_000;
const keys = redisKeys(0);
/** As the client asks for, and as the writer forces: the peers trim what they have settled just the same. */
const kept = { attempts: 1, removeOnComplete: { count: 1_000 }, removeOnFail: { count: 5_000 } };

export interface BenchJob {
  readonly name: 'file-store' | 'file-annotate';
  readonly sessionId: string;
  readonly operationId: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** What is staged for it. */
  readonly bytes?: Buffer;
}

/** Makes a job that stores random bytes, different for each. */
export function storeJob(index: number, size: number): BenchJob {
  const bytes = randomBytes(size);
  const digest = createHash('sha256').update(bytes).digest('hex');
  const chunks = Math.ceil(size / limits.chunkBytes);
  const fields = {
    filename: `screenshot-${index}.bin`,
    digest,
    size,
    content: { from: 'staged', chunks },
  };
  return { name: 'file-store', ...identity(`session-${index % sessions}`), fields, bytes };
}

/** Makes a job that sets one entry of a file's metadata. */
export function annotateJob(index: number, file: { fileId: string; sessionId: string }): BenchJob {
  const fields = { fileId: file.fileId, metadata: { reviewed: `round ${index}` } };
  return { name: 'file-annotate', ...identity(file.sessionId), fields };
}

function identity(sessionId: string): { sessionId: string; operationId: string } {
  return { sessionId, operationId: makeOperationId() };
}

export class BenchQueue {
  readonly #redis: Redis;
  readonly #queue: Queue;

  constructor(url: string) {
    this.#redis = new Redis(url, { maxRetriesPerRequest: null, enableAutoPipelining: true });
    this.#queue = new Queue(queueName, {
      connection: this.#redis,
      prefix: keys.prefix,
      skipVersionCheck: true,
      streams: { events: { maxLen: 1_000 } },
    });
    this.#redis.on('error', () => undefined); // the command that was lost says it
    this.#queue.on('error', () => undefined);
  }

  /** Puts jobs into a paused queue: nobody takes one before `release`. */
  async load(jobs: readonly BenchJob[]): Promise<void> {
    await this.#queue.pause();
    const producer = randomUUID();
    const stream = keys.receipts(vm, producer);
    await this.#redis.multi().xadd(stream, '*', 'hello', '1').pexpire(stream, 3_600_000).exec();
    const lasts = new Map<string, number>();
    for (let from = 0; from < jobs.length; from += addedTogether) {
      const some = jobs.slice(from, from + addedTogether);
      await Promise.all(some.map((job) => this.#stage(job)));
      await this.#queue.addBulk(some.map((job) => this.#bulkJob(job, producer, lasts)));
    }
  }

  /** Lets the worker have what was loaded. */
  async release(): Promise<void> {
    await this.#queue.resume();
  }

  /** Jobs that are not settled. */
  async left(): Promise<number> {
    const base = `${keys.prefix}:${queueName}`;
    const [waiting, active] = await Promise.all([
      this.#redis.llen(`${base}:wait`),
      this.#redis.llen(`${base}:active`),
    ]);
    return waiting + active;
  }

  /** @throws Error when a job was refused or failed: then a rate would mean nothing. */
  async assertNoneFailed(): Promise<void> {
    const [failed] = await this.#queue.getFailed(0, 0);
    if (failed) throw new Error(`expected every job to be settled, got one failed: ${failed.failedReason}`);
  }

  async close(): Promise<void> {
    await this.#queue.close();
    this.#redis.disconnect();
  }

  async #stage({ operationId, bytes = Buffer.alloc(0) }: BenchJob): Promise<void> {
    for (let from = 0, chunk = 0; from < bytes.byteLength; from += limits.chunkBytes, chunk++) {
      const part = bytes.subarray(from, from + limits.chunkBytes);
      await this.#redis.set(keys.staged(vm, operationId, chunk), part, 'PX', 3_600_000);
    }
  }

  #bulkJob(job: BenchJob, producer: string, lasts: Map<string, number>) {
    const { name, sessionId, operationId, fields } = job;
    const previous = lasts.get(sessionId) ?? 0;
    const sequence = previous + 1;
    lasts.set(sessionId, sequence);
    const data = { v: protocolVersion, operationId, vm, producer, sequence, previous, sessionId, ...fields };
    const opts: JobsOptions = { jobId: makeJobId(vm, operationId), ...kept };
    return { name, data, opts };
  }
}
