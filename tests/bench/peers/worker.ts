// What the peers have in common: a BullMQ worker as its documentation sets one up, on a connection that pipelines by
// itself, because that makes them faster and a straw man is worth nothing.

import { queueName, redisPrefix } from '@filefleet/protocol';
import { type Job, Worker } from 'bullmq';
import { Redis } from 'ioredis';

/** Takes jobs until SIGTERM. */
export async function runPeer(
  makeProcessor: (redis: Redis) => (job: Job) => Promise<unknown>,
): Promise<void> {
  const redis = new Redis(setting('BENCH_REDIS_URL'), {
    maxRetriesPerRequest: null,
    enableAutoPipelining: true,
  });
  const worker = new Worker(queueName, makeProcessor(redis), {
    connection: redis,
    prefix: redisPrefix(Number(process.env.BENCH_SHARD ?? 0)),
    concurrency: Number(setting('BENCH_CONCURRENCY')),
    skipVersionCheck: true,
  });
  worker.on('error', (error) => console.error(error));
  process.once('SIGTERM', () => {
    void worker.close().then(() => process.exit(0));
  });
  await worker.waitUntilReady();
  console.log(JSON.stringify({ event: 'ready' }));
}

/** @throws Error when the variable is not set. */
export function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined)
    throw new Error(`expected ${name} to be set; these programs are started by the bench`);
  return value;
}
