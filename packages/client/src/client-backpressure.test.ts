// What a client does when there is no room: it waits, says so, and gives up in time, leaving nothing behind.

import { createHash, randomBytes } from 'node:crypto';
import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import {
  limits,
  makeOperationId,
  redisKeys,
  redisPrefix,
  stagedTtlMs,
  writerStateField,
} from '@filefleet/protocol';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { makeFolder } from '../../../tests/support/data-folder.ts';
import { until } from '../../../tests/support/deadline.ts';
import { startRedis, type TestRedis } from '../../../tests/support/redis.ts';
import { type ScriptedWriter, startScriptedWriter } from '../../../tests/support/scripted-writer.ts';
import {
  limitStaging,
  stagedBytes,
  stagedKeys,
  stagingFiguresOf,
} from '../../../tests/support/staging-library.ts';
import { type Backpressure, type Client, type ClientOptions, createClient } from './index.ts';

const keys = redisKeys();
const sessionId = 'session-1';
const nothing = { bytes: 0, operations: 0, waiting: 0, orphanedOperations: 0 };
const chunk = limits.chunkBytes;

let server: TestRedis;
let redis: Redis;
let writer: ScriptedWriter;
let told: Backpressure[];
const clients: Client[] = [];

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
});
beforeEach(async () => {
  await redis.flushall();
  writer = await startScriptedWriter(server.url);
  told = [];
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  await writer.close();
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

async function connect(options: Partial<ClientOptions> = {}): Promise<Client> {
  const onBackpressure = (facts: Backpressure) => void told.push(facts);
  const client = await createClient({ redis: server.url, vm: 'vm5', onBackpressure, ...options });
  clients.push(client);
  return client;
}

const publish = (limit: number) =>
  redis.hset(keys.writer, writerStateField, JSON.stringify({ limits: { queuedOperationsPerVm: limit } }));

const storing = (client: Client, content: Buffer | { path: string } | Readable, deadlineMs = 20_000) =>
  client.store({ sessionId, filename: 'f', content, deadlineMs });

test('chunks of what can be read again get the long TTL as soon as their job was accepted', async () => {
  await writer.close();
  const client = await connect();
  const { operationId } = await client.enqueueStore({
    sessionId,
    filename: 'f',
    content: randomBytes(3 * chunk),
  });
  const ttls = [0, 1, 2].map((n) => redis.pttl(keys.staged('vm5', operationId, n)));
  expect(Math.min(...(await Promise.all(ttls)))).toBeGreaterThan(stagedTtlMs.queued - 60_000);
  expect(await stagingFiguresOf(redis)).toMatchObject({ bytes: 3 * chunk, operations: 1 });
});

test('over budget a store waits, says so once, and goes on by itself when there is room', async () => {
  await limitStaging(redis, { totalBytes: 4 * chunk, shareBytes: 2 * chunk });
  const client = await connect();
  await writer.close();
  const first = await client.enqueueStore({ sessionId: 'a', filename: 'f', content: randomBytes(2 * chunk) });
  const second = client.enqueueStore({ sessionId: 'b', filename: 'f', content: randomBytes(2 * chunk) });
  const third = client.enqueueStore({ sessionId: 'c', filename: 'f', content: randomBytes(10) });
  await until(() => told.length > 0, 'word of the wait');
  expect(told).toMatchObject([
    { isWaiting: true, reason: 'share', needed: 2 * chunk, used: 2 * chunk, limit: 2 * chunk },
  ]);
  writer = await startScriptedWriter(server.url);
  expect(await client.receipt(first.operationId)).toMatchObject({ outcome: 'applied' });
  for (const waiting of [second, third]) await client.receipt((await waiting).operationId);
  expect(told.filter(({ isWaiting }) => !isWaiting)).toHaveLength(1);
  expect(await stagingFiguresOf(redis)).toMatchObject(nothing);
});

test('at its deadline a store that waits for room fails with OVER_BUDGET and leaves nothing behind', async () => {
  await limitStaging(redis, { totalBytes: 4 * chunk, shareBytes: 2 * chunk });
  await writer.close();
  const client = await connect();
  const stream = Readable.from([Buffer.alloc(chunk, 1), Buffer.alloc(1)]);
  await client.enqueueStore({ sessionId: 'other', filename: 'f', content: randomBytes(2 * chunk) });
  const contents = [randomBytes(2 * chunk), randomBytes(1)];
  for (const content of contents) {
    await expect(storing(client, content, 300)).rejects.toMatchObject({ code: 'OVER_BUDGET' });
  }
  await expect(storing(client, stream, 300)).rejects.toMatchObject({ code: 'OVER_BUDGET' });
  await until(async () => (await stagingFiguresOf(redis)).waiting === 0, 'the line to be left');
  expect(await stagingFiguresOf(redis)).toMatchObject({ bytes: 2 * chunk, operations: 1 });
  expect(await stagedBytes(redis)).toBe(2 * chunk);
});

test('all stores of a session that wait for room hear so, also those whose turn to ask never came', async () => {
  await limitStaging(redis, { totalBytes: 2 * chunk, shareBytes: 2 * chunk });
  await writer.close();
  const client = await connect();
  await client.enqueueStore({ sessionId: 'other', filename: 'f', content: randomBytes(chunk) });
  const stores = Array.from({ length: 6 }, () => storing(client, randomBytes(chunk + 1), 400));
  const codes = (await Promise.allSettled(stores)).map((o) => o.status === 'rejected' && o.reason.code);
  expect(new Set(codes)).toEqual(new Set(['OVER_BUDGET']));
});

test('content that could never fit is refused at once, with what to do', async () => {
  await limitStaging(redis, { totalBytes: 2 * chunk, shareBytes: chunk });
  const client = await connect();
  await expect(storing(client, randomBytes(chunk + 1))).rejects.toThrow(/FILEFLEET_STAGED_TOTAL_BYTES/);
});

test('a deadline in the middle of an upload removes its chunks and gives its room back', async () => {
  const client = await connect();
  const endless = Readable.from(
    (async function* () {
      for (let n = 0; n < 3; n++) yield randomBytes(chunk);
      await new Promise(() => {});
    })(),
  );
  const failed = storing(client, endless, 500);
  await until(async () => (await stagedBytes(redis)) >= 2 * chunk, 'chunks');
  expect((await stagingFiguresOf(redis)).bytes).toBe(limits.stagedFileBytes); // unknown length: the whole limit
  await expect(failed).rejects.toMatchObject({ code: 'SOURCE_FAILED' });
  await until(async () => (await stagedKeys(redis)).length === 0, 'no chunks');
  expect(await stagingFiguresOf(redis)).toMatchObject(nothing);
});

test('a stream gives back what it reserved too much as soon as its length is known', async () => {
  await writer.close();
  const client = await connect();
  const content = Readable.from([randomBytes(chunk), randomBytes(5)]);
  await client.enqueueStore({ sessionId, filename: 'f', content });
  expect((await stagingFiguresOf(redis)).bytes).toBe(chunk + 5);
});

test('a file that grows while it is stored is stored as long as it was', async () => {
  const path = join(makeFolder(), 'log');
  const bytes = randomBytes(3 * chunk);
  await writeFile(path, bytes);
  const client = await connect();
  const onProgress = () => void appendFile(path, bytes); // written anew it would be empty for a moment
  const { operationId } = await client.store({ sessionId, filename: 'f', content: { path }, onProgress });
  expect(writer.contents.get(operationId)).toEqual(bytes);
});

test('a Redis that no writer has prepared is waited for, and named at the deadline', async () => {
  await writer.close();
  await redis.function('FLUSH');
  const client = await connect();
  await expect(storing(client, randomBytes(10), 300)).rejects.toMatchObject({
    code: 'REDIS_UNAVAILABLE',
    message: expect.stringContaining('start the writer'),
  });
  expect(told[0]).toMatchObject({ isWaiting: true, reason: 'writer' });
  const stored = storing(client, randomBytes(10));
  writer = await startScriptedWriter(server.url);
  expect(await stored).toMatchObject({ outcome: 'applied' });
});

test('Redis restarted empty in the middle of an upload: what can be read again is stored all the same', async () => {
  const client = await connect();
  const bytes = randomBytes(40 * chunk);
  let restarted: Promise<void> | undefined;
  const restart = async () => {
    await server.stop();
    server = await startRedis({ port: server.port });
  };
  const onProgress = () => {
    restarted ??= restart();
  };
  const { operationId } = await client.store({
    sessionId,
    filename: 'f',
    content: bytes,
    onProgress,
    deadlineMs: 20_000,
  });
  await restarted;
  expect(writer.contents.get(operationId)).toEqual(bytes);
  expect(await stagingFiguresOf(redis)).toMatchObject(nothing);
});

test('closing gives the room of what was not sent back to others', async () => {
  await limitStaging(redis, { totalBytes: 4 * chunk, shareBytes: 2 * chunk });
  const client = await connect();
  const stuck = Readable.from(
    (async function* () {
      yield randomBytes(chunk);
      yield randomBytes(1);
      await new Promise(() => {});
    })(),
  );
  await limitStaging(redis, { totalBytes: 1_000 * chunk, shareBytes: 500 * chunk });
  const failed = expect(storing(client, stuck)).rejects.toMatchObject({ code: 'CLIENT_CLOSED' });
  await until(async () => (await stagedBytes(redis)) > 0, 'chunks');
  await client.close();
  await failed;
  expect(await stagedBytes(redis)).toBe(0);
  expect(await stagingFiguresOf(redis)).toMatchObject({ bytes: 0, operations: 0 });
});

test('small stores of a session do not take the room that an earlier stream of it still needs', async () => {
  await limitStaging(redis, { totalBytes: 2 * limits.stagedFileBytes, shareBytes: limits.stagedFileBytes });
  const client = await connect();
  const stores = Array.from({ length: 30 }, (_, n) => {
    const bytes = randomBytes(n === 4 ? chunk + 1 : 1_000);
    return storing(client, n === 4 ? Readable.from([bytes]) : bytes, 3_000);
  });
  const sizes = (await Promise.all(stores)).map(({ size }) => size);
  expect(new Set(sizes)).toEqual(new Set([1_000, chunk + 1]));
});

test('later stores of a session leave room for an earlier one that has to be sent after all', async () => {
  await limitStaging(redis, { totalBytes: 4 * chunk, shareBytes: 2 * chunk });
  const client = await connect();
  const believed = randomBytes(2 * chunk);
  const digest = createHash('sha256').update(believed).digest('hex');
  await redis.zadd(keys.known, Date.now() + 60_000, digest);
  const first = storing(client, believed);
  const second = storing(client, randomBytes(2 * chunk));
  expect(await Promise.all([first, second])).toMatchObject([{ outcome: 'applied' }, { outcome: 'applied' }]);
});

test('who waits behind others of its session hears for what those wait, and not that its source is slow', async () => {
  await writer.close();
  await publish(300);
  const client = await connect();
  const stores = Array.from({ length: 400 }, (_, n) =>
    client.store({ sessionId: `session-${n % 10}`, filename: 'f', content: 'text', deadlineMs: 900 - n }),
  );
  const codes = (await Promise.allSettled(stores)).map((o) => o.status === 'rejected' && o.reason.code);
  expect(new Set(codes)).toEqual(new Set(['NOT_YET_DURABLE', 'QUOTA']));
});

test('a VM queues as many as the writer says, also when it says so later', async () => {
  await writer.close();
  await publish(600);
  const client = await connect();
  const fileId = makeOperationId();
  const outcomes = Promise.allSettled(
    Array.from({ length: 1_190 }, (_, n) =>
      client.rename({ sessionId: `session-${n % 10}`, fileId, filename: `name-${n}` }),
    ),
  );
  const queued = () => redis.llen(`${redisPrefix()}:operations:wait`);
  const word = async (limit: number) =>
    await until(() => told.find((facts) => facts.reason === 'queue' && facts.limit === limit), 'the wait');
  await word(600);
  expect(await queued()).toBe(600);
  await publish(800);
  await until(async () => (await queued()) >= 800, 'more of them');
  await word(800);
  await client.close();
  await outcomes;
  expect(await queued()).toBe(800);
});

test('a VM queues no more than it may; 10,000 in flight raise no warning, and all end with the client', async () => {
  await writer.close();
  const client = await connect();
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => warnings.push(warning);
  process.on('warning', onWarning);
  const fileId = makeOperationId();
  const rename = (n: number) =>
    client.rename({ sessionId: `session-${n % 10}`, fileId, filename: `name-${n}` });
  const outcomes = Promise.allSettled(Array.from({ length: 10_000 }, (_, n) => rename(n)));
  const queued = () => redis.llen(`${redisPrefix()}:operations:wait`);
  await until(async () => (await queued()) >= limits.queuedOperationsPerVm, 'a full queue');
  await until(() => told.some(({ reason }) => reason === 'queue'), 'word of the wait');
  await expect(rename(10_000)).rejects.toMatchObject({ code: 'QUOTA' });
  expect(await queued()).toBe(limits.queuedOperationsPerVm);
  await client.close();
  const codes = (await outcomes).map((o) => (o.status === 'rejected' ? o.reason.code : o.status));
  expect(new Set(codes)).toEqual(new Set(['CLIENT_CLOSED']));
  process.off('warning', onWarning);
  expect(warnings).toEqual([]);
});
