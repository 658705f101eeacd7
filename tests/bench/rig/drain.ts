// One run of one contestant over a loaded queue. The clock runs from the moment the loaded jobs are released until none is
// left; starting, connecting and a warm-up on other jobs come before it.

import { setTimeout as wait } from 'node:timers/promises';
import type { Figure } from '../results.ts';
import { commitsIn } from './commits.ts';
import { withFolder } from './folder.ts';
import { type BenchJob, BenchQueue } from './jobs.ts';
import { type Program, startProcess } from './processes.ts';
import { machineSeconds, processorSeconds } from './processor-time.ts';
import { withBenchRedis } from './redis.ts';

/** How often the queue is asked whether it is empty, in milliseconds: the grain of the clock. */
const lookEveryMs = 10;
/** A contestant that settles nothing for this long is stuck. */
const stuckAfterMs = 30_000;

/** Where a contestant works. */
export interface Place {
  readonly redisUrl: string;
  readonly folder: string;
}

export interface DrainPlan {
  /** What is measured, and what only warms up; both are made anew for each run. */
  readonly jobs: () => readonly BenchJob[];
  readonly warmUp: () => readonly BenchJob[];
  /** Puts into the folder what must be there before; nothing unless given. */
  readonly furnish?: (folder: string) => Promise<void>;
  readonly program: (place: Place) => Program;
  /** What else runs beside the contestant, from before the warm-up until the end; nothing unless given. */
  readonly beside?: (place: Place) => Promise<{ stop(): Promise<void> }>;
}

export interface Drained {
  /** Operations per second. */
  readonly rate: number;
  /** The measured window on the machine's monotonic clock, in microseconds. */
  readonly window: { readonly fromUs: number; readonly toUs: number };
  /** Processors used in the window: 1 is one core all the time. NaN where the system does not say. */
  readonly processors: Processors;
  /** Groups that our writer committed for the measured operations; NaN for others. */
  readonly commits: number;
}

export interface Processors {
  /** The contestant, all its threads. */
  readonly worker: number;
  readonly redis: number;
  /** Whatever else ran on the machine, apart from the bench itself. */
  readonly others: number;
}

/** A run as a figure of a result. */
export function figureOf({ rate, processors }: Drained): Figure {
  return { value: rate, processorUs: (processors.worker / rate) * 1e6 };
}

/** Runs it in a folder and on a Redis of its own. */
export function drainOnce(plan: DrainPlan): Promise<Drained> {
  return withFolder(async (folder) => {
    await plan.furnish?.(folder);
    return await drainIn(folder, plan);
  });
}

/** Runs it in a folder that stays. */
export function drainIn(folder: string, plan: Omit<DrainPlan, 'furnish'>): Promise<Drained> {
  return withBenchRedis(async (redis) => {
    const queue = new BenchQueue(redis.url);
    const place = { redisUrl: redis.url, folder };
    const worker = await startProcess(plan.program(place));
    let beside: { stop(): Promise<void> } | undefined;
    try {
      beside = await plan.beside?.(place);
      await queue.load(plan.warmUp());
      await Promise.race([releaseAndWait(queue), worker.failed]);
      const jobs = plan.jobs();
      await queue.load(jobs);
      const pids = { worker: worker.pid, redis: redis.pid };
      const commitsBefore = commitsIn(folder);
      const measured = await Promise.race([measure(queue, pids), worker.failed]);
      await queue.assertNoneFailed();
      const commits = commitsIn(folder) - commitsBefore;
      return { rate: jobs.length / measured.seconds, commits, ...measured };
    } finally {
      await beside?.stop();
      await worker.stop();
      await queue.close();
    }
  });
}

async function measure(queue: BenchQueue, pids: { worker: number; redis: number }) {
  const before = usedSeconds(pids);
  const fromUs = monotonicUs();
  await releaseAndWait(queue);
  const toUs = monotonicUs();
  const seconds = (toUs - fromUs) / 1e6;
  const after = usedSeconds(pids);
  const used = (who: keyof Processors): number => (after[who] - before[who]) / seconds;
  const processors = { worker: used('worker'), redis: used('redis'), others: used('others') };
  return { seconds, window: { fromUs, toUs }, processors };
}

/** Seconds of processor time so far; NaN where the system does not say. */
function usedSeconds(pids: { worker: number; redis: number }): Processors {
  const worker = processorSeconds(pids.worker) ?? Number.NaN;
  const redis = processorSeconds(pids.redis) ?? Number.NaN;
  const bench = processorSeconds(process.pid) ?? Number.NaN;
  return { worker, redis, others: (machineSeconds() ?? Number.NaN) - worker - redis - bench };
}

async function releaseAndWait(queue: BenchQueue): Promise<void> {
  await queue.release();
  let left = await queue.left();
  let changedAt = performance.now();
  while (left > 0) {
    await wait(lookEveryMs);
    const now = await queue.left();
    if (now !== left) changedAt = performance.now();
    left = now;
    if (performance.now() - changedAt > stuckAfterMs) {
      throw new Error(
        `expected the queue to be emptied, got ${left} jobs and no progress for ${stuckAfterMs} ms`,
      );
    }
  }
}

const monotonicUs = (): number => Number(process.hrtime.bigint() / 1000n);
