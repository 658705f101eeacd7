// Holds an exam on a Redis that has no writer: takes the agent's jobs from the queue as a writer would.

import {
  type Answer,
  queueName,
  redisKeys,
  redisPrefix,
  stagingLibrary,
  writerStaleAfterMs,
  writerStateField,
  writerStateSchema,
} from '@filefleet/protocol';
import { type Job, UnrecoverableError, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { type Clock, systemClock } from '../clock.ts';
import { findLeftovers, openDesk } from './desk.ts';
import { Exam, operationsNeeded, type Report } from './exam.ts';

export interface ExamOptions {
  readonly redis: string;
  /** The VM that the agent says it is. */
  readonly vm: string;
  /** How long to wait for a next job, in milliseconds. */
  readonly patienceMs: number;
  readonly report: Report;
  readonly clock?: Clock;
}

/**
 * Waits until the agent has settled `operationsNeeded` operations, or sends nothing any more.
 * @returns how many it settled.
 * @throws Error when a writer is alive on this Redis, or Redis cannot be reached.
 */
export async function holdExam(options: ExamOptions): Promise<{ readonly settled: number }> {
  const { vm, report, patienceMs, clock = systemClock } = options;
  const redis = new Redis(options.redis, { lazyConnect: true, maxRetriesPerRequest: null });
  redis.on('error', () => undefined); // commands wait for the next connection
  await redis.connect();
  const keys = redisKeys();
  try {
    await assertNoWriter(redis, keys.writer, clock);
    await redis.function('LOAD', 'REPLACE', stagingLibrary());
    const exam = new Exam(vm, openDesk(redis, keys), report, clock);
    const patience = startPatience(clock, patienceMs);
    const worker = new Worker(
      queueName,
      async (job: Job) => {
        patience.renew();
        return settle(job, await exam.handle({ ...pick(job), options: job.opts as Record<string, unknown> }));
      },
      // One at a time: the order of jobs is what is examined.
      { connection: redis, prefix: redisPrefix(), concurrency: 1, skipVersionCheck: true },
    );
    worker.on('error', (error) =>
      report.complain('a job', `expected it to be readable, got ${error.message}`),
    );
    await Promise.race([exam.done, patience.over]);
    patience.end();
    await worker.close();
    const { settled } = exam;
    if (settled < operationsNeeded) {
      report.complain(
        'the agent',
        `expected ${operationsNeeded} settled operations, got ${settled}; then silence`,
      );
    }
    for (const key of await findLeftovers(redis, keys, vm)) {
      report.complain('the agent', `expected no staged chunk beyond those of its operations, got ${key}`);
    }
    return { settled };
  } finally {
    redis.disconnect();
  }
}

const pick = (job: Job) => ({ id: job.id ?? '', name: job.name, data: job.data as unknown });

/** As the writer ends a job: a refusal fails at once, what is to be sent again leaves Redis. */
function settle(job: Job, answer: Answer | undefined): Answer {
  if (answer === undefined) throw new UnrecoverableError('PAYLOAD_INVALID: see what the examiner said');
  if (answer.outcome === 'refused') throw new UnrecoverableError(`${answer.code}: ${answer.message}`);
  if (answer.outcome === 'resend') job.opts.removeOnComplete = true;
  return answer;
}

function startPatience(clock: Clock, patienceMs: number) {
  const over = Promise.withResolvers<void>();
  let cancel = clock.schedule(patienceMs, over.resolve);
  const renew = () => {
    cancel();
    cancel = clock.schedule(patienceMs, over.resolve);
  };
  return { over: over.promise, renew, end: () => cancel() };
}

/** Two who take jobs from one queue would each see half of them. */
async function assertNoWriter(redis: Redis, key: string, clock: Clock): Promise<void> {
  const json = await redis.hget(key, writerStateField);
  const state = json === null ? undefined : writerStateSchema.safeParse(JSON.parse(json)).data;
  if (state === undefined || clock.nowMs() - state.heartbeatAtMs > writerStaleAfterMs) return;
  throw new Error(
    'expected a Redis without a writer, got one with a heartbeat; give the examiner a Redis of its own',
  );
}
