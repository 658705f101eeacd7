// The intake: a BullMQ worker that fetches as many jobs as a group holds. What a producer asked for in job options that
// would change how an operation is settled is overridden here; what cannot be parsed still becomes a job that settles.

import { queueName, redisPrefix } from '@filefleet/protocol';
import { type Job, type JobJson, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Emit } from './events.ts';
import type { RawJob } from './read-job.ts';
import { keepHashesReadable } from './readable-hashes.ts';

/** Settled jobs that stay to be looked at. The ledger, not Redis, is the memory. */
export const keptJobs = Object.freeze({ completed: 1_000, failed: 5_000 });

/** What the writer decided about a job. */
export type JobEnd =
  | { readonly kind: 'complete'; readonly returnvalue: unknown }
  /** Completes and leaves Redis at once, so that the same id can be added again. */
  | { readonly kind: 'vanish'; readonly returnvalue: unknown }
  /** Fails at once and for good; `reason` is what Bull Board shows. */
  | { readonly kind: 'fail'; readonly reason: string };

export interface IntakeOptions {
  readonly redis: Redis;
  readonly shard: number;
  readonly concurrency: number;
  readonly emit: Emit;
  /** Called in enqueue order; enters the pipeline synchronously. */
  readonly handle: (job: RawJob) => Promise<JobEnd>;
}

/** Texts of jobs whose data was not JSON, by the job that stands in for them. */
const brokenTexts = new WeakMap<Job, string>();

/** Options of a producer that would change how its operation is settled, or have changed its place already. */
const overriddenOptions = ['attempts', 'backoff', 'delay', 'lifo', 'parent', 'priority'] as const;

/** What was overridden, by job, until it is handled. */
const clampedOptions = new WeakMap<Job, readonly string[]>();

/** What counts instead. */
const ourOptions = Object.freeze({
  attempts: 1,
  backoff: undefined,
  removeOnComplete: { count: keptJobs.completed },
  removeOnFail: { count: keptJobs.failed },
  stackTraceLimit: 0, // no stack trace goes to Redis
});
const alone = Object.freeze({
  parent: undefined,
  parentKey: undefined,
  repeatJobKey: undefined,
  deferredFailure: '',
});

/** `attempts: 1` and zeros are what everybody sends. */
const isAsked = (value: unknown): boolean =>
  value !== undefined && value !== null && value !== false && value !== 0 && value !== 1;

class OperationWorker extends Worker {
  protected override createJob(data: JobJson, jobId: string): Job {
    const job = this.#readable(data, jobId);
    const clamped = overriddenOptions.filter((name) => isAsked(job.opts[name]));
    if (clamped.length > 0) clampedOptions.set(job, clamped);
    // Nothing is deleted: every later look at an object that something was deleted from costs more.
    return Object.assign(job, alone, { opts: { ...job.opts, ...ourOptions } });
  }

  /** A hash that does not parse would cycle for ever between active and wait. */
  #readable(data: JobJson, jobId: string): Job {
    try {
      return super.createJob(data, jobId);
    } catch {
      const blank: JobJson = {
        id: jobId,
        name: String(data.name ?? ''),
        data: '{}',
        opts: {},
        progress: 0,
        attemptsMade: 0,
        timestamp: 0,
        failedReason: '',
      } as unknown as JobJson;
      const job = super.createJob(blank, jobId);
      brokenTexts.set(job, String(data.data ?? ''));
      return job;
    }
  }
}

/** Makes the worker; it fetches nothing before `run()`. */
export function createIntake(options: IntakeOptions): Worker {
  const { redis, shard, concurrency, emit, handle } = options;
  const worker = new OperationWorker(
    queueName,
    async (job: Job) => {
      const clamped = clampedOptions.get(job);
      if (clamped) emit('job.clamped', { jobId: job.id ?? '', options: clamped });
      return settle(job, await handle(toRawJob(job)));
    },
    {
      connection: redis,
      prefix: redisPrefix(shard),
      concurrency,
      autorun: false,
      lockDuration: 30_000,
      maxStalledCount: 1_000_000, // work is never given up by count; poison has a budget of its own
      runRetryDelay: 500,
      skipVersionCheck: true,
    },
  );
  keepHashesReadable(worker.backend, (jobId, fields) => emit('job.clamped', { jobId, options: fields }));
  worker.on('error', (error) => emit('redis.error', { connection: 'intake', message: error.message }));
  return worker;
}

function toRawJob(job: Job): RawJob {
  // A list id without a hash comes as a job without a name.
  return {
    id: job.id ?? '',
    name: String(job.name ?? ''),
    data: job.data,
    addedAtMs: Number(job.timestamp) || 0,
    starts: job.attemptsStarted,
    brokenText: brokenTexts.get(job),
  };
}

function settle(job: Job, end: JobEnd): unknown {
  if (end.kind === 'fail') throw new SettledFailure(end.reason);
  if (end.kind === 'vanish') job.opts.removeOnComplete = true;
  return end.returnvalue;
}

/** BullMQ recognises errors that must not be retried by this name. */
class SettledFailure extends Error {
  override readonly name = 'UnrecoverableError';

  constructor(reason: string) {
    super(reason);
    this.stack = reason; // BullMQ keeps the stack in Redis, where no path of this machine belongs
  }
}
