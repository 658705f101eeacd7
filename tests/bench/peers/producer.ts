// A producer's process: many 4 KiB files at once, from the call until the producer knows that each is done. Ours through
// the client; the peer's as a plain BullMQ producer that stages the same bytes and listens to the queue's events.

import { createHash, randomBytes } from 'node:crypto';
import { createClient } from '@filefleet/client';
import { makeJobId, makeOperationId, queueName, redisKeys, redisPrefix } from '@filefleet/protocol';
import { Queue, QueueEvents } from 'bullmq';
import { Redis } from 'ioredis';
import pLimit from 'p-limit';
import { sayDone, sayReady } from './figures.ts';
import { setting } from './worker.ts';

const url = setting('BENCH_REDIS_URL');
const warmUp = Number(setting('BENCH_WARM_UP'));
const operations = Number(setting('BENCH_OPERATIONS'));
/** Operations under way at once: enough for two groups. */
const underWay = 512;
const sessions = 100;

type Store = (index: number, bytes: Buffer) => Promise<unknown>;

async function throughClient(): Promise<Store> {
  const client = await createClient({ redis: url, vm: 'vm5' });
  return (index, content) =>
    client.store({ sessionId: `session-${index % sessions}`, filename: `${index}.bin`, content });
}

async function throughBullmq(): Promise<Store> {
  const connection = new Redis(url, { maxRetriesPerRequest: null, enableAutoPipelining: true });
  const options = { connection, prefix: redisPrefix(0), skipVersionCheck: true };
  const queue = new Queue(queueName, options);
  const events = new QueueEvents(queueName, options);
  await events.waitUntilReady();
  const waiting = new Map<string, () => void>();
  events.on('completed', ({ jobId }) => {
    waiting.get(jobId)?.();
    waiting.delete(jobId);
  });
  return async (index, bytes) => {
    const operationId = makeOperationId();
    const jobId = makeJobId('vm5', operationId);
    const digest = createHash('sha256').update(bytes).digest('hex');
    const sessionId = `session-${index % sessions}`;
    const data = {
      operationId,
      vm: 'vm5',
      sessionId,
      filename: `${index}.bin`,
      digest,
      size: bytes.byteLength,
    };
    const completed = new Promise<void>((resolve) => waiting.set(jobId, resolve));
    await connection.set(redisKeys(0).staged('vm5', operationId, 0), bytes, 'PX', 3_600_000);
    await queue.add('file-store', data, { jobId, removeOnComplete: { count: 1_000 } });
    await completed;
  };
}

async function storeAll(store: Store, contents: readonly Buffer[]): Promise<number> {
  const limit = pLimit(underWay);
  const startedAt = performance.now();
  await Promise.all(contents.map((bytes, index) => limit(() => store(index, bytes))));
  return (performance.now() - startedAt) / 1000;
}

const contentsOf = (count: number): Buffer[] => Array.from({ length: count }, () => randomBytes(4_096));

const store = await (setting('BENCH_PRODUCER') === 'client' ? throughClient() : throughBullmq());
const measured = contentsOf(operations);
sayReady();
await storeAll(store, contentsOf(warmUp));
sayDone({ rate: operations / (await storeAll(store, measured)) });
