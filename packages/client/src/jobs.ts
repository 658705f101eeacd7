// The queue as a producer sees it: add a job, and look what became of one.

import { type Answer, parseAnswer, queueName, redisPrefix } from '@filefleet/protocol';
import { type JobsOptions, Queue } from 'bullmq';
import type { RedisLink } from './redis-link.ts';

/** Settled jobs stay this many to be looked at; the writer forces the same. */
const kept = { completed: 1_000, failed: 5_000 };
/** BullMQ's event stream is for dashboards; receipts do not travel in it. */
const eventsKept = 1_000;

/** What became of a job. `data` is what the stored job holds, which is not always what we added. */
export type Sighting =
  | { readonly state: 'absent' }
  | { readonly state: 'unfinished'; readonly data: unknown }
  | { readonly state: 'completed'; readonly data: unknown; readonly answer: Answer | undefined }
  | { readonly state: 'failed'; readonly data: unknown; readonly reason: string };

export interface NewJob {
  readonly name: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly jobId: string;
}

export class Jobs {
  readonly #link: RedisLink;
  readonly #shard: number;
  readonly #takingBack = new Set<Promise<boolean>>();
  #isClosed = false;
  #made: Promise<Queue> | undefined;

  constructor(link: RedisLink, shard: number) {
    this.#link = link;
    this.#shard = shard;
  }

  /**
   * Adds jobs in their order, in one pipeline. An id that is still in Redis swallows its job without a word.
   * @returns for each how it failed, as ioredis says it, see `wasRefused`; undefined when it did not.
   */
  async add(jobs: readonly NewJob[]): Promise<unknown[]> {
    try {
      const queue = await this.#queue();
      await queue.addBulk(jobs.map(asBullmq));
      return jobs.map(() => undefined);
    } catch (error) {
      if (jobs.length === 1 || !wasRefused(error)) return jobs.map(() => error);
      return await Promise.all(jobs.map(({ jobId }) => this.#failureOf(jobId, error)));
    }
  }

  /**
   * BullMQ tells the first refusal and not whose it is. Adding once more would not tell either: a full Redis refuses the
   * repeat of a job that it has, too.
   */
  async #failureOf(jobId: string, refusal: unknown): Promise<unknown> {
    try {
      const queue = await this.#queue();
      return (await this.#link.redis.hexists(queue.toKey(jobId), 'data')) === 1 ? undefined : refusal;
    } catch (error) {
      return error;
    }
  }

  /** Takes a job back that still waits. @returns false when it does not: then somebody has begun with it, perhaps ended. */
  async takeBack(jobId: string): Promise<boolean> {
    if (this.#isClosed) return false; // what is begun now may be cut off in the middle
    const takingBack = this.#takeBack(jobId).finally(() => this.#takingBack.delete(takingBack));
    this.#takingBack.add(takingBack);
    return await takingBack;
  }

  async #takeBack(jobId: string): Promise<boolean> {
    const queue = await this.#queue();
    // BullMQ's own removal would not tell a waiting job from one that was executed; it leaves alone what somebody has begun
    // with. Both travel together: who is cut off in between leaves a job that is in no list, and nobody would remove it.
    const outOfLine = this.#link.redis.lrem(queue.toKey('wait'), 1, jobId);
    const [removed] = await Promise.all([outOfLine, queue.remove(jobId)]);
    return removed === 1;
  }

  /** @param thoroughly also finds out that an unfinished job is in none of the queue's lists; costs Redis more. */
  async look(jobId: string, thoroughly = false): Promise<Sighting> {
    const job = await (await this.#queue()).getJob(jobId);
    if (job === undefined) return { state: 'absent' };
    const data: unknown = job.data;
    if (job.finishedOn !== undefined) {
      if (job.failedReason) return { state: 'failed', data, reason: job.failedReason };
      return { state: 'completed', data, answer: answerOf(job.returnvalue) };
    }
    if (thoroughly && (await job.getState()) === 'unknown') return { state: 'absent' };
    return { state: 'unfinished', data };
  }

  /** Lets go of the queue, once jobs that are being taken back are; the link stays open. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#takingBack);
    const made = this.#made?.catch(() => undefined);
    await (await made)?.close();
  }

  /** Made when Redis is there: a queue whose first connection fails stays broken for ever. */
  #queue(): Promise<Queue> {
    this.#made ??= this.#make().catch((error) => {
      this.#made = undefined;
      throw error;
    });
    return this.#made;
  }

  async #make(): Promise<Queue> {
    const queue = new Queue(queueName, {
      connection: this.#link.redis,
      prefix: redisPrefix(this.#shard),
      skipVersionCheck: true,
      streams: { events: { maxLen: eventsKept } },
    });
    queue.on('error', () => {}); // the link keeps the connection's errors; each add has its own
    await queue.waitUntilReady();
    // BullMQ has just taught the connection its scripts. A pipeline that was begun before does not know them, and ioredis
    // would crash the process over it; once a command of now is answered, that pipeline is gone.
    await this.#link.redis.ping();
    return queue;
  }
}

function asBullmq({ name, payload, jobId }: NewJob): { name: string; data: unknown; opts: JobsOptions } {
  const removeOnComplete = { count: kept.completed };
  const removeOnFail = { count: kept.failed };
  return { name, data: payload, opts: { jobId, attempts: 1, removeOnComplete, removeOnFail } };
}

/** True when Redis itself said no: the command was not executed. Anything else may have been. */
export function wasRefused(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}

function answerOf(returnValue: unknown): Answer | undefined {
  try {
    return parseAnswer(JSON.stringify(returnValue));
  } catch {
    return undefined; // not a receipt: as good as none, and the ledger has the true one
  }
}
