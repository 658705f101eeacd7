// The published example of raw Redis commands leaves in Redis what the add of the pinned BullMQ leaves there, and so does
// the agent in Python. A new BullMQ that leaves something else turns this red: then the examples have to follow.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  isOperationId,
  makeJobId,
  makeOperationId,
  operationIdTimeMs,
  queueName,
  redisPrefix,
} from '@filefleet/protocol';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { hasPython, runPython } from '../support/python.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const python = hasPython('tests/publishing/raw-commands.test.ts');
const example = readFileSync(
  fileURLToPath(new URL('../../packages/protocol/examples/enqueue.redis', import.meta.url)),
  'utf8',
);
const operationId = makeOperationId();
const jobId = makeJobId('vm4', operationId);
const name = 'session-end';
const payload = { v: 1, operationId, vm: 'vm4', sessionId: 'für alle "s1"' };
const options = { attempts: 1, removeOnComplete: { count: 1_000 }, removeOnFail: { count: 5_000 } };

let server: TestRedis;
let redis: Redis;
beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
});
afterEach(() => redis.flushall());
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

async function addWithBullmq(): Promise<void> {
  const connection = new Redis(server.url, { maxRetriesPerRequest: null });
  const queue = new Queue(queueName, {
    connection,
    prefix: redisPrefix(),
    streams: { events: { maxLen: 1_000 } },
  });
  await queue.add(name, payload, { jobId, ...options });
  await queue.close();
  connection.disconnect();
}

/** Sends the commands of the example, one after the other, on one connection. */
async function addWithExample(): Promise<unknown[]> {
  const values: Readonly<Record<string, string>> = {
    'job id': jobId,
    operation: name,
    payload: JSON.stringify(payload),
    options: JSON.stringify({ jobId, ...options }),
    now: String(Date.now()),
  };
  const commands = example.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const replies: unknown[] = [];
  for (const line of commands) {
    const words = line.replaceAll(/<([^>]+)>/g, (_, key: string) => `<${key.replace(' ', '_')}>`).split(' ');
    const [command = '', ...args] = words.map((word) =>
      word.replace(/<([^>]+)>/, (_, key: string) => values[key.replace('_', ' ')] ?? `no value for ${key}`),
    );
    replies.push(await redis.call(command, ...args));
    if (command === 'EXISTS' && replies.at(-1) === 1) return replies;
  }
  return replies;
}

/** All of the queue but `meta`, which belongs to whoever runs the queue; times and stream ids are left out. */
async function leftInRedis(): Promise<Record<string, unknown>> {
  const key = (part: string) => `${redisPrefix()}:${queueName}:${part}`;
  const keys = (await redis.keys('*')).filter((found) => found !== key('meta')).sort();
  const job = await redis.hgetall(key(jobId));
  expect(Number(job.timestamp)).toBeGreaterThan(Date.now() - 60_000);
  const events = await redis.xrange(key('events'), '-', '+');
  return {
    keys,
    id: await redis.get(key('id')),
    wait: await redis.lrange(key('wait'), 0, -1),
    marker: await redis.zrange(key('marker'), '0', '-1', 'WITHSCORES'),
    events: events.map(([, fields]) => fields),
    job: { ...job, timestamp: '', data: JSON.parse(job.data ?? ''), opts: JSON.parse(job.opts ?? '') },
  };
}

test('the examples name the BullMQ that this is tested with', () => {
  const manifest = new URL('../../packages/client/package.json', import.meta.url);
  const { dependencies } = JSON.parse(readFileSync(manifest, 'utf8'));
  expect(example).toContain(`the add of BullMQ ${dependencies.bullmq} `);
});

test('raw Redis commands leave what BullMQ leaves', async () => {
  await addWithBullmq();
  const expected = await leftInRedis();
  expect(expected.wait).toEqual([jobId]);
  await redis.flushall();
  await addWithExample();
  expect(await leftInRedis()).toEqual(expected);
});

test('an id that is in use is left alone by the example', async () => {
  await addWithBullmq();
  const before = await leftInRedis();
  expect(await addWithExample()).toEqual(['OK', 1]);
  await redis.call('UNWATCH');
  expect(await leftInRedis()).toEqual(before);
});

test.skipIf(!python)(
  'the agent in Python leaves what BullMQ leaves, and leaves an id that is in use alone',
  async () => {
    await addWithBullmq();
    const expected = await leftInRedis();
    await redis.flushall();
    const code = `
import agent, json, sys
enqueuer = agent.Agent(agent.Redis(sys.argv[1]), "vm4")
enqueuer._redis.command("UNLINK", enqueuer._stream)
for again in range(2):
    enqueuer._enqueue(sys.argv[2], json.loads(sys.argv[3]), 0)
`;
    const ran = await runPython(code, server.url, name, JSON.stringify(payload));
    expect(ran).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect(await leftInRedis()).toEqual(expected);
  },
);

test.skipIf(!python)('operation ids of the agent in Python are UUIDv7 of now', async () => {
  const { stdout } = await runPython('import agent; print(agent.uuid7())');
  expect(isOperationId(stdout.trim())).toBe(true);
  expect(Math.abs(operationIdTimeMs(stdout.trim()) - Date.now())).toBeLessThan(60_000);
});
