// Small content and its job leave together; what happens when only one of them is taken.

import { randomBytes } from 'node:crypto';
import { makeOperationId, queueName, redisKeys, redisPrefix, stagedTtlMs } from '@filefleet/protocol';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../../../tests/support/deadline.ts';
import { startRedis, type TestRedis } from '../../../tests/support/redis.ts';
import { type ScriptedWriter, startScriptedWriter } from '../../../tests/support/scripted-writer.ts';
import {
  limitStaging,
  prepareStaging,
  stagedBytes,
  stagingFiguresOf,
} from '../../../tests/support/staging-library.ts';
import { systemClock } from './clock.ts';
import { Departures } from './departures.ts';
import { Entry } from './entry.ts';
import { Gate } from './gate.ts';
import { type Backpressure, type Client, type ClientError, createClient } from './index.ts';
import { Jobs, wasRefused } from './jobs.ts';
import { Lane, type Sendable } from './lane.ts';
import { RedisLink } from './redis-link.ts';
import { type Source, sourceOf } from './source.ts';
import { Staging } from './staging.ts';
import { isTurnFree } from './turns.ts';

const keys = redisKeys();
const queue = `${redisPrefix(0)}:${queueName}`;
/** Three kilobytes: a hundred jobs with it are more than `leaveFree` leaves. */
const metadata = { note: 'x'.repeat(3_000) };
const plenty = { totalBytes: 64_000_000, shareBytes: 64_000_000 };

let server: TestRedis;
let redis: Redis;
let client: Client;
let told: Backpressure[];
let writer: ScriptedWriter | undefined;

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
});
beforeEach(async () => {
  await redis.config('SET', 'maxmemory', 0);
  await redis.flushall();
  await prepareStaging(redis, plenty);
  told = [];
  client = await createClient({
    redis: server.url,
    vm: 'vm5',
    onBackpressure: (facts) => void told.push(facts),
  });
});
afterEach(async () => {
  await client.close();
  await writer?.close();
  writer = undefined;
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

const small = (sessionId = 'session-1', bytes = 1_000) => ({
  sessionId,
  filename: 'f',
  content: randomBytes(bytes),
});

/** Once there was room, small content travels with its job. */
async function findRoom(): Promise<string> {
  const { operationId } = await client.enqueueStore(small('first'));
  return operationId;
}

/** Lets Redis take so many bytes more, about, and then nothing. */
async function leaveFree(bytes: number): Promise<void> {
  const used = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
  await redis.config('SET', 'maxmemory', used + bytes);
}

async function libraryCalls(): Promise<number> {
  const stats = await redis.info('commandstats');
  return Number(/cmdstat_fcall:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}

test('small content takes one call, and has its day by one more for all, as one that was staged before it', async () => {
  await findRoom();
  const before = await libraryCalls();
  const [{ operationId }] = await Promise.all([
    client.enqueueStore(small()),
    client.enqueueStore(small('s')),
  ]);
  expect((await libraryCalls()) - before).toBe(3);
  expect(await redis.pttl(keys.staged('vm5', operationId, 0))).toBeGreaterThan(stagedTtlMs.queued - 60_000);
  expect(await stagingFiguresOf(redis)).toMatchObject({ bytes: 3_000, operations: 3 });
});

test('hundreds at once, more than may be under way, are all there in the order of calls', async () => {
  await findRoom();
  const stored = await Promise.all(
    Array.from({ length: 700 }, (_, n) => client.enqueueStore(small(`s${n % 7}`, 13_000))),
  );
  const jobs = (await redis.lrange(`${queue}:wait`, 0, -1)).reverse().slice(1); // it is filled from the left
  for (let lane = 0; lane < 7; lane++) {
    const ids = stored.filter((_, n) => n % 7 === lane).map(({ operationId }) => `vm5-${operationId}`);
    expect(jobs.filter((id) => ids.includes(id))).toEqual(ids);
  }
  expect(jobs).toHaveLength(700);
  expect(await stagedBytes(redis)).toBe(9_101_000);
});

test('content that finds no room takes its job back: OVER_BUDGET at the deadline, and nothing is left', async () => {
  const first = await findRoom();
  await limitStaging(redis, { totalBytes: 1_500, shareBytes: 1_500 });
  const failed = client.store({ ...small(), deadlineMs: 400 });
  await expect(failed).rejects.toMatchObject({ code: 'OVER_BUDGET' });
  expect(told).toMatchObject([{ isWaiting: true, reason: 'budget' }, { isWaiting: false }]);
  expect(await redis.lrange(`${queue}:wait`, 0, -1)).toEqual([`vm5-${first}`]);
  await until(async () => (await stagingFiguresOf(redis)).waiting === 0, 'the line to be left');
  expect(await stagedBytes(redis)).toBe(1_000);
});

test('a Redis that forgot its library takes no job without content', async () => {
  const first = await findRoom();
  await redis.function('FLUSH', 'SYNC');
  const failed = client.store({ ...small(), deadlineMs: 400 });
  await expect(failed).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' });
  expect(await redis.lrange(`${queue}:wait`, 0, -1)).toEqual([`vm5-${first}`]);
});

test('content that found no room goes on by itself when there is some, with one job', async () => {
  const first = await findRoom();
  await limitStaging(redis, { totalBytes: 1_500, shareBytes: 1_500 });
  const second = client.store(small());
  await until(() => told.length > 0, 'word of the wait');
  const running = await startScriptedWriter(server.url);
  writer = running;
  expect(await second).toMatchObject({ outcome: 'applied', size: 1_000 });
  await client.receipt(first);
  expect(running.arrivals.map(({ earlier }) => earlier)).toEqual([0, 0]);
});

test('with room for one after the other only, all settle in order, each once, whoever gets at their jobs first', async () => {
  const running = await startScriptedWriter(server.url);
  writer = running;
  await client.receipt(await findRoom());
  await limitStaging(redis, { totalBytes: 2_500, shareBytes: 2_500 });
  const receipts = await Promise.all(Array.from({ length: 40 }, (_, n) => client.store(small(`s${n % 10}`))));
  const effects = running.effects.slice(1);
  expect([...effects].sort()).toEqual(receipts.map(({ operationId }) => operationId).sort());
  for (let lane = 0; lane < 10; lane++) {
    const ids = receipts.filter((_, n) => n % 10 === lane).map(({ operationId }) => operationId);
    expect(effects.filter((id) => ids.includes(id))).toEqual(ids);
  }
  await until(async () => (await stagingFiguresOf(redis)).operations === 0, 'nothing staged');
  expect(await redis.zcard(`${queue}:completed`)).toBe(41);
});

test('of jobs of which Redis refuses one the others are there, and it is known which', async () => {
  const link = new RedisLink({ url: server.url, clock: systemClock, purpose: 'commands' });
  await link.connect(5_000);
  const jobs = new Jobs(link, 0);
  try {
    await redis.set(`${queue}:vm5-b`, 'not a job');
    const failures = await jobs.add(
      ['a', 'b', 'c'].map((id) => ({ name: 'n', payload: {}, jobId: `vm5-${id}` })),
    );
    expect(failures.map(wasRefused)).toEqual([false, true, false]);
    expect(failures[0]).toBeUndefined();
    expect((await redis.lrange(`${queue}:wait`, 0, -1)).sort()).toEqual(['vm5-a', 'vm5-c']);
  } finally {
    await jobs.close();
    link.close();
  }
});

test('a Redis that gets full on the way: who hears that nothing was stored has no job, and all others have one', async () => {
  await leaveFree(150_000);
  const notes = Array.from({ length: 100 }, (_, n) =>
    client
      .annotate({ sessionId: `s${n}`, fileId: makeOperationId(), metadata, deadlineMs: 400 })
      .catch((error: unknown) => error),
  );
  const told = (await Promise.all(notes)) as ClientError[];
  const inQueue = await redis.lrange(`${queue}:wait`, 0, -1);
  const codes = told.map(({ operationId }) =>
    inQueue.some((id) => id.startsWith(`vm5-${operationId}`)) ? 'NOT_YET_DURABLE' : 'REDIS_UNAVAILABLE',
  );
  expect(told.map(({ code }) => code)).toEqual(codes);
  expect(new Set(codes).size).toBe(2);
});

test('a Redis that is full has neither content nor job: REDIS_UNAVAILABLE at the deadline, and nothing is left', async () => {
  const first = await findRoom();
  await redis.config('SET', 'maxmemory', 1);
  await expect(client.store({ ...small(), deadlineMs: 400 })).rejects.toMatchObject({
    code: 'REDIS_UNAVAILABLE',
  });
  expect(await redis.lrange(`${queue}:wait`, 0, -1)).toEqual([`vm5-${first}`]);
  expect(await stagedBytes(redis)).toBe(1_000);
});

test('a client that is closed while it takes jobs back leaves none that is in no list', async () => {
  for (let round = 0; round < 8; round++) {
    await limitStaging(redis, plenty);
    const leaving = await createClient({ redis: server.url, vm: 'vm5' });
    await leaving.enqueueStore(small());
    await limitStaging(redis, { totalBytes: 1, shareBytes: 1 });
    const stores = Array.from({ length: 100 }, () => leaving.store(small()));
    const ended = Promise.allSettled(stores);
    for (let turn = 0; turn < 4 * round; turn++) await new Promise(setImmediate);
    await leaving.close();
    await ended;
    const hashes = (await redis.keys(`${queue}:vm5-*`)).map((key) => key.slice(queue.length + 1));
    expect(hashes.sort()).toEqual((await redis.lrange(`${queue}:wait`, 0, -1)).sort());
  }
});

describe('below the client', () => {
  let link: RedisLink;
  let staging: Staging;
  beforeEach(async () => {
    link = new RedisLink({ url: server.url, clock: systemClock, purpose: 'commands' });
    await link.connect(5_000);
    staging = new Staging({ link, keys, vm: 'vm5', clock: systemClock });
  });
  afterEach(() => link.close());

  test('content without a job has but a lease: who dies between the two leaves nothing for a day', async () => {
    const parcel = { operationId: makeOperationId(), bytes: randomBytes(10) };
    const leftMs = () => redis.pttl(keys.staged('vm5', parcel.operationId, 0));
    expect(await staging.putWhole([parcel])).toEqual([true]);
    expect(await leftMs()).toBeLessThanOrEqual(stagedTtlMs.uploading);
    await staging.sealWhole([parcel]);
    expect(await leftMs()).toBeGreaterThan(stagedTtlMs.queued - 60_000);
  });

  test('whose content found no room keeps the later ones of its session from what it needs, whatever became of its job', async () => {
    const lane = new Lane<Entry>();
    const source = sourceOf(randomBytes(10), new Gate(1)) as Source;
    const stage = staging.stageOf(makeOperationId(), source, {});
    const facts = {
      name: 'file-store' as const,
      operationId: stage.operationId,
      idGiven: false,
      payload: {},
    };
    const entry = new Entry({ ...facts, lane, ordered: true, stage });
    await staging.stageOf(makeOperationId(), source, {}).upload(entry.signal); // there is room
    expect(stage.carry()).toBe(true);
    await limitStaging(redis, { totalBytes: 1, shareBytes: 1 });
    const jobs = new Jobs(link, 0);
    const back = Promise.withResolvers<Entry>();
    const departures = new Departures({
      ...{ vm: 'vm5', producer: 'p', jobs, staging, onTurnedBack: back.resolve },
      ...{ onArrived: back.reject, onLost: back.reject },
    });
    lane.ready(entry.sequence);
    departures.add(lane.takeNext() as Sendable<Entry>);
    expect(await back.promise).toBe(entry);
    expect(isTurnFree(lane)).toBe(false);
    await jobs.close();
  });
});
