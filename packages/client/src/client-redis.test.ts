// What a client reads from Redis and leaves in it.

import { makeJobId, redisKeys } from '@filefleet/protocol';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { startRedis, type TestRedis } from '../../../tests/support/redis.ts';
import { type ScriptedWriter, startScriptedWriter } from '../../../tests/support/scripted-writer.ts';
import { type Client, createClient } from './index.ts';

let server: TestRedis;
let redis: Redis;
let writer: ScriptedWriter;
let client: Client;
const keys = redisKeys();
const sessionId = 'session-1';

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(async () => {
  await redis.flushall();
  writer = await startScriptedWriter(server.url);
  client = await createClient({ redis: server.url, vm: 'vm5', actor: 'agent' });
});
afterEach(async () => {
  await client.close();
  await writer.close();
  expect(await redis.keys('*receipts*'), 'reply streams left behind').toEqual([]);
});

const storeText = (filename: string, content: string, operationId?: string) =>
  client.store({ sessionId, filename, content, ...(operationId && { operationId }) });

test('the state of the writer is read, and undefined where there is none', async () => {
  expect(await client.writerState()).toBeUndefined();
  await redis.hset(keys.writer, 'state', 'not JSON');
  expect(await client.writerState()).toBeUndefined();
  const state = {
    epoch: 3,
    phase: 'running',
    pid: 1,
    startedAtMs: 1,
    heartbeatAtMs: 2,
    schemaVersion: '002',
    acceptedVersions: [1],
    limits: {},
    pressure: 'none',
    commitSequence: 0,
    lastCommitAtMs: null,
    settled: { applied: 0, refused: 0, resend: 0, quarantined: 0 },
  };
  await redis.hset(keys.writer, 'state', JSON.stringify(state));
  expect(await client.writerState()).toEqual(state);
});

test('jobs carry ids and options that the fleet agreed on', async () => {
  const { operationId } = await storeText('a', 'text');
  const opts = await redis.hget(`${keys.prefix}:operations:${makeJobId('vm5', operationId)}`, 'opts');
  expect(JSON.parse(opts ?? '')).toMatchObject({
    attempts: 1,
    removeOnComplete: { count: 1000 },
    removeOnFail: { count: 5000 },
  });
});

test('who waits for a Redis that hangs hears that, and not of a full queue', async () => {
  await storeText('first', 'text');
  server.pause();
  try {
    const stores = Array.from({ length: 600 }, (_, n) =>
      client.store({ sessionId: `session-${n % 10}`, filename: 'f', content: 'text', deadlineMs: 400 }),
    );
    const codes = (await Promise.allSettled(stores)).map((o) => o.status === 'rejected' && o.reason.code);
    expect(new Set(codes)).toEqual(new Set(['NOT_YET_DURABLE', 'REDIS_UNAVAILABLE']));
  } finally {
    server.resume();
  }
});
