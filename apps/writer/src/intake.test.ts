import { queueName, redisPrefix } from '@filefleet/protocol';
import type { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { until } from '../../../tests/support/deadline.ts';
import { TestQueue } from '../../../tests/support/queue.ts';
import { startRedis, type TestRedis } from '../../../tests/support/redis.ts';
import type { EventName } from './events.ts';
import { createIntake, type JobEnd } from './intake.ts';
import type { RawJob } from './read-job.ts';

let server: TestRedis;
let queue: TestQueue;

beforeAll(async () => {
  server = await startRedis();
  queue = new TestQueue(server.url);
});
afterAll(async () => {
  await queue.close();
  await server.stop();
});
beforeEach(async () => {
  await queue.redis.flushall();
});

const done: JobEnd = { kind: 'complete', returnvalue: 'receipt' };

/** A running intake that notes what it was handed. */
function startIntake(end: JobEnd | Error = done) {
  const redis = new Redis(server.url, { maxRetriesPerRequest: null });
  const jobs: RawJob[] = [];
  const events: [EventName, object][] = [];
  const worker: Worker = createIntake({
    redis,
    shard: 0,
    concurrency: 8,
    emit: (event, facts) => void events.push([event, facts]),
    handle: async (job) => {
      jobs.push(job);
      if (end instanceof Error) throw end;
      return end;
    },
  });
  onTestFinished(async () => {
    await worker.close();
    redis.disconnect();
  });
  void worker.run();
  return { jobs, events };
}

const hashOf = (id: string) => queue.redis.hgetall(queue.key(id));
const allOver = () => until(async () => (await queue.unfinished()) === 0, 'no job left to do');

test('jobs are handed over as they are, and completed with the return value', async () => {
  const { jobs, events } = startIntake();
  await queue.queue.add('session-end', { v: 1 }, { jobId: 'vm5-a' });
  await allOver();
  const job = { id: 'vm5-a', name: 'session-end', data: { v: 1 }, starts: 1, brokenText: undefined };
  expect(jobs).toEqual([{ ...job, addedAtMs: expect.any(Number) }]);
  expect(JSON.parse((await hashOf('vm5-a')).returnvalue ?? '')).toBe('receipt');
  expect(events).toEqual([]);
});

test('a refused job fails at once and for good, its reason in Redis, no stack and no path', async () => {
  const { jobs } = startIntake({ kind: 'fail', reason: 'CONFLICT: expected another intent' });
  await queue.queue.add('x', {}, { jobId: 'vm5-a', attempts: 5, stackTraceLimit: 50 });
  await allOver();
  expect(await queue.redis.zrange(queue.key('failed'), '0', '-1')).toEqual(['vm5-a']);
  const hash = await hashOf('vm5-a');
  expect(hash.failedReason).toBe('CONFLICT: expected another intent');
  expect(hash.stacktrace).toBe('[]');
  expect(jobs).toHaveLength(1);
  expect(await queue.dump()).not.toMatch(/node_modules|file:\/\/|\.ts:/);
});

test('a job that vanishes leaves nothing, and its id can be added again', async () => {
  const { jobs } = startIntake({ kind: 'vanish', returnvalue: 'resend' });
  for (const nth of [1, 2]) {
    await queue.queue.add('x', {}, { jobId: 'vm5-a' });
    await until(() => jobs.length === nth, `the job to come ${nth} times`);
    await until(async () => (await queue.redis.exists(queue.key('vm5-a'))) === 0, 'the job to be gone');
  }
});

test('text that is no JSON comes with its text, settles, and does not come again', async () => {
  await queue.redis.hset(queue.key('vm5-a'), { name: 'file-store', data: '{"v": 1', timestamp: '1' });
  await queue.redis.lpush(queue.key('wait'), 'vm5-a');
  const { jobs } = startIntake({ kind: 'fail', reason: 'QUARANTINED' });
  await until(async () => (await queue.redis.zcard(queue.key('failed'))) === 1, 'the job to fail');
  expect(jobs).toEqual([expect.objectContaining({ id: 'vm5-a', name: 'file-store', brokenText: '{"v": 1' })]);
  expect(await queue.unfinished()).toBe(0);
});

test('options that are no JSON do not keep a job cycling for ever, and do not change what it asks for', async () => {
  const hash = { name: 'session-end', data: '{"v":1}', timestamp: '1', opts: '{"attempts":', progress: '{' };
  for (const id of ['vm5-a', 'vm5-b']) {
    await queue.redis.hset(queue.key(id), hash);
    await queue.redis.lpush(queue.key('wait'), id);
  }
  const { jobs, events } = startIntake();
  await until(async () => (await queue.redis.zcard(queue.key('completed'))) === 2, 'both to be completed');
  expect(jobs).toMatchObject([{ data: { v: 1 } }, { data: { v: 1 } }]);
  const options = expect.arrayContaining(['opts', 'progress']);
  expect(events[0]).toEqual(['job.clamped', { jobId: 'vm5-a', options }]);
});

test('a list id without a hash comes as a job without a name, and does not come again', async () => {
  await queue.redis.lpush(queue.key('wait'), 'ghost');
  const { jobs } = startIntake({ kind: 'fail', reason: 'QUARANTINED' });
  await until(() => jobs.length > 0, 'the ghost to come');
  expect(jobs).toEqual([expect.objectContaining({ name: '', data: {} })]);
  await until(async () => (await queue.redis.llen(queue.key('active'))) === 0, 'the ghost to be gone');
  expect(jobs).toHaveLength(1);
});

test('options of a producer that would change how a job is settled are overridden, and that is told', async () => {
  const { events, jobs } = startIntake({ kind: 'fail', reason: 'refused' });
  const hostile = { attempts: 50, backoff: 1, removeOnFail: true, removeOnComplete: true, lifo: true };
  await queue.queue.add('x', {}, { jobId: 'vm5-a', ...hostile });
  await until(async () => (await queue.redis.zcard(queue.key('failed'))) === 1, 'the job to fail');
  expect(jobs).toHaveLength(1);
  expect(await queue.redis.exists(queue.key('vm5-a'))).toBe(1);
  const options = expect.arrayContaining(['attempts', 'backoff', 'lifo']);
  expect(events).toEqual([['job.clamped', { jobId: 'vm5-a', options }]]);
});

test('whatever is thrown, a job is run once and not as often as its producer says', async () => {
  const { jobs } = startIntake(new Error('a fault of the program'));
  await queue.queue.add('x', {}, { jobId: 'vm5-a', attempts: 50 });
  await until(() => jobs.length > 0, 'the job to come');
  await allOver();
  expect(await queue.redis.zrange(queue.key('failed'), '0', '-1')).toEqual(['vm5-a']);
  expect(jobs).toHaveLength(1);
});

test('a parent that a producer names gets nothing of it', async () => {
  const parent = { id: 'boss', queue: `${redisPrefix()}:${queueName}` };
  await queue.redis.hset(queue.key('boss'), { name: 'x', data: '{}', timestamp: '1' });
  await queue.queue.add('x', {}, { jobId: 'vm5-a', parent });
  const { events } = startIntake();
  await until(() => events.length > 0, 'the clamping to be told');
  await until(async () => (await queue.redis.zcard(queue.key('completed'))) >= 1, 'the job to complete');
  expect(events[0]).toEqual(['job.clamped', { jobId: 'vm5-a', options: ['parent'] }]);
});

test('what fails to be fetched is told, not thrown', async () => {
  await queue.redis.set(queue.key('wait'), 'not a list');
  await queue.redis.zadd(queue.key('marker'), '0', '0');
  const { events } = startIntake();
  await until(() => events.length > 0, 'the error to be told');
  expect(events[0]).toEqual([
    'redis.error',
    { connection: 'intake', message: expect.stringContaining('WRONGTYPE') },
  ]);
});
