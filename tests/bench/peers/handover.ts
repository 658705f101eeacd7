// A producer's process that only hands over: 4 KiB files, from the call until Redis has bytes and job; nobody takes them.
// Ours through the client, as plain concurrent calls; the peer's by BullMQ's own addBulk, with the bytes in pipelines. While
// it warms up somebody does take them, because a VM may have only so many queued; a word in Redis says that he is gone.

import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { createClient } from '@filefleet/client';
import { makeJobId, makeOperationId, queueName, redisKeys, redisPrefix } from '@filefleet/protocol';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { sayDone, sayReady } from './figures.ts';
import { setting } from './worker.ts';

const url = setting('BENCH_REDIS_URL');
const warmUp = Number(setting('BENCH_WARM_UP'));
const operations = Number(setting('BENCH_OPERATIONS'));
const sessions = 100;
/** Jobs per addBulk: more of them at once made it no faster. */
const bulk = 500;

type HandOver = (contents: readonly Buffer[]) => Promise<unknown>;

async function throughClient(): Promise<HandOver> {
  const client = await createClient({ redis: url, vm: 'vm5' });
  return (contents) =>
    Promise.all(
      contents.map((content, index) =>
        client.enqueueStore({ sessionId: `session-${index % sessions}`, filename: `${index}.bin`, content }),
      ),
    );
}

async function throughBullmq(): Promise<HandOver> {
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  const queue = new Queue(queueName, { connection, prefix: redisPrefix(0), skipVersionCheck: true });
  const addSome = async (contents: readonly Buffer[]) => {
    const pipeline = connection.pipeline();
    const jobs = contents.map((bytes, index) => {
      const operationId = makeOperationId();
      pipeline.set(redisKeys(0).staged('vm5', operationId, 0), bytes, 'PX', 3_600_000);
      const digest = createHash('sha256').update(bytes).digest('hex');
      const sessionId = `session-${index % sessions}`;
      const filename = `${index}.bin`;
      const data = { operationId, vm: 'vm5', sessionId, filename, digest, size: bytes.byteLength };
      const opts = { jobId: makeJobId('vm5', operationId), removeOnComplete: { count: 1_000 } };
      return { name: 'file-store', data, opts };
    });
    await Promise.all([pipeline.exec(), queue.addBulk(jobs)]);
  };
  return async (contents) => {
    for (let at = 0; at < contents.length; at += bulk) await addSome(contents.slice(at, at + bulk));
  };
}

async function untilTaken(): Promise<void> {
  const redis = new Redis(url);
  const lists = ['wait', 'active'].map((list) => `${redisPrefix(0)}:${queueName}:${list}`);
  const lengths = () => Promise.all(lists.map((list) => redis.llen(list)));
  while ((await lengths()).some((length) => length > 0)) await pause(20);
  redis.disconnect();
}

async function waitForWord(): Promise<void> {
  const redis = new Redis(url);
  await redis.blpop('bench:go', 0);
  redis.disconnect();
}

const contentsOf = (count: number): Buffer[] => Array.from({ length: count }, () => randomBytes(4_096));

const handOver = await (setting('BENCH_PRODUCER') === 'client' ? throughClient() : throughBullmq());
const measured = contentsOf(operations);
const warmUps = Math.ceil(warmUp / operations);
for (let round = 0; round < warmUps; round++) {
  await handOver(contentsOf(operations));
  await untilTaken();
}
sayReady();
await waitForWord();
const startedAt = performance.now();
const cpuBefore = process.cpuUsage();
await handOver(measured);
const { user, system } = process.cpuUsage(cpuBefore);
sayDone({
  rate: operations / ((performance.now() - startedAt) / 1000),
  processorUs: (user + system) / operations,
});
