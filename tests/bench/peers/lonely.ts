// Takes the time of one operation alone, again and again: a 4 KiB store() of ours, and a bare BullMQ job from its add
// until its producer, who waits, has heard that it is done. In turns, on the same Redis.

import { randomBytes } from 'node:crypto';
import { createClient } from '@filefleet/client';
import { queueName, redisPrefix } from '@filefleet/protocol';
import { Queue, QueueEvents } from 'bullmq';
import { Redis } from 'ioredis';
import { sayDone, sayReady } from './figures.ts';
import { setting } from './worker.ts';

const url = setting('BENCH_REDIS_URL');
const operations = Number(setting('BENCH_OPERATIONS'));
const warmUp = 50;

const client = await createClient({ redis: url, vm: 'vm5' });
const connection = new Redis(url, { maxRetriesPerRequest: null });
const options = { connection, prefix: redisPrefix(Number(setting('BENCH_SHARD'))), skipVersionCheck: true };
const queue = new Queue(queueName, options);
const events = new QueueEvents(queueName, options);
await events.waitUntilReady();

const store = async (index: number): Promise<void> => {
  await client.store({ sessionId: 'session-1', filename: `${index}.bin`, content: contents[index] ?? '' });
};
const bareJob = async (): Promise<void> => {
  const job = await queue.add('nothing', {}, { removeOnComplete: { count: 1_000 } });
  await job.waitUntilFinished(events);
};

const contents = Array.from({ length: warmUp + operations }, () => randomBytes(4_096));
sayReady();
const ours: number[] = [];
const bare: number[] = [];
for (let index = 0; index < warmUp + operations; index++) {
  const takings = [
    { work: () => store(index), times: ours },
    { work: bareJob, times: bare },
  ];
  for (const { work, times } of index % 2 === 0 ? takings : takings.reverse()) {
    const startedAt = performance.now();
    await work();
    if (index >= warmUp) times.push(performance.now() - startedAt);
  }
}
sayDone({ ours, bare });
