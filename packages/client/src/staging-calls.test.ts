// The staging library in a real Redis: what it counts, whom it lets in, and that it never lets in too much.

import { makeOperationId, limits as protocolLimits, redisKeys, stagedTtlMs } from '@filefleet/protocol';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startRedis, type TestRedis } from '../../../tests/support/redis.ts';
import {
  ownStagingClock,
  type StagingClock,
  stagedBytes,
  stagingFiguresOf,
} from '../../../tests/support/staging-library.ts';
import { StagingCalls } from './staging-calls.ts';

const keys = redisKeys();
const chunk = protocolLimits.chunkBytes;
const budget = { totalBytes: 8 * chunk, shareBytes: 4 * chunk };
const vm4 = new StagingCalls(keys, 'vm4');
const vm5 = new StagingCalls(keys, 'vm5');
const full = Buffer.alloc(chunk, 1);

let server: TestRedis;
let redis: Redis;
let clock: StagingClock;

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url, { enableAutoPipelining: true });
});
beforeEach(async () => {
  await redis.flushall();
  clock = await ownStagingClock(redis, budget);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

async function reserved(calls: StagingCalls, bytes: number): Promise<string> {
  const operationId = makeOperationId();
  expect(await calls.reserve(redis, operationId, bytes)).toEqual({ kind: 'granted' });
  return operationId;
}

test('a VM gets its share and no more, and all together the budget', async () => {
  await reserved(vm5, 4 * chunk);
  const wait = { kind: 'wait', reason: 'share', usedBytes: 4 * chunk, limitBytes: 4 * chunk };
  expect(await vm5.reserve(redis, makeOperationId(), 1)).toEqual(wait);
  await reserved(vm4, 4 * chunk);
  const vm1 = new StagingCalls(keys, 'vm1');
  expect(await vm1.reserve(redis, makeOperationId(), 1)).toMatchObject({ kind: 'wait', reason: 'budget' });
  expect(await vm1.reserve(redis, makeOperationId(), 5 * chunk)).toMatchObject({ kind: 'never' });
});

test('a reservation that is asked for again is the same one, and can grow', async () => {
  const operationId = await reserved(vm5, chunk);
  expect(await vm5.reserve(redis, operationId, chunk)).toEqual({ kind: 'granted' });
  expect(await vm5.reserve(redis, operationId, 3 * chunk)).toEqual({ kind: 'granted' });
  expect(await stagingFiguresOf(redis)).toMatchObject({ bytes: 3 * chunk, operations: 1 });
});

test('a chunk needs a live reservation and must fit into it', async () => {
  expect(await vm5.put(redis, makeOperationId(), 0, full)).toEqual({ kind: 'no-lease' });
  const operationId = await reserved(vm5, chunk + 1);
  expect(await vm5.put(redis, operationId, 1, full)).toEqual({ kind: 'outside' });
  expect(await vm5.put(redis, operationId, 1, Buffer.alloc(1))).toEqual({ kind: 'granted' });
  await clock.advance(stagedTtlMs.uploading + 1);
  expect(await vm5.put(redis, operationId, 0, full)).toEqual({ kind: 'no-lease' });
  expect(await stagedBytes(redis)).toBe(0);
});

test('a chunk and its reservation end together, and are counted as orphans', async () => {
  const operationId = makeOperationId();
  await vm5.put(redis, operationId, 0, full, chunk);
  await clock.advance(stagedTtlMs.uploading); // the last moment
  expect(await stagedBytes(redis)).toBe(chunk);
  expect(await stagingFiguresOf(redis)).toMatchObject({ bytes: chunk, orphanedOperations: 0 });
  await clock.advance(1);
  expect(await stagedBytes(redis)).toBe(0);
  expect(await stagingFiguresOf(redis)).toMatchObject({
    bytes: 0,
    operations: 0,
    orphanedBytes: chunk,
    orphanedOperations: 1,
  });
});

test('renewing keeps chunks, gives back what is not needed, tells what is missing, never shortens', async () => {
  const operationId = await reserved(vm5, 3 * chunk);
  await vm5.put(redis, operationId, 0, full);
  await vm5.put(redis, operationId, 1, full);
  const renewal = { operationId, chunks: 2, keepBytes: 2 * chunk };
  expect(await vm5.renew(redis, stagedTtlMs.queued, [renewal])).toEqual([0]);
  expect(await vm5.renew(redis, stagedTtlMs.uploading, [renewal])).toEqual([0]);
  expect((await stagingFiguresOf(redis)).bytes).toBe(2 * chunk);
  await clock.advance(stagedTtlMs.queued - 1);
  expect(await stagedBytes(redis)).toBe(2 * chunk);
  await redis.del(keys.staged('vm5', operationId, 1));
  const gone = { operationId: makeOperationId(), chunks: 1 };
  expect(await vm5.renew(redis, 1, [gone, renewal])).toEqual([undefined, 1]);
  await vm5.release(redis, operationId, 2);
  expect(await stagedBytes(redis)).toBe(0);
  expect(await stagingFiguresOf(redis)).toMatchObject({ bytes: 0, operations: 0, orphanedOperations: 0 });
});

test('who waits for much is not overtaken by those who come later, except by a little', async () => {
  await reserved(vm5, 3 * chunk);
  const vm1 = new StagingCalls(keys, 'vm1');
  const held = await reserved(vm1, 3 * chunk);
  const patient = makeOperationId();
  expect(await vm4.reserve(redis, patient, 4 * chunk)).toMatchObject({ kind: 'wait', reason: 'budget' });
  const late = makeOperationId();
  expect(await vm5.reserve(redis, late, chunk)).toMatchObject({ kind: 'wait', reason: 'line' });
  const vm2 = new StagingCalls(keys, 'vm2');
  expect(await vm2.put(redis, makeOperationId(), 0, Buffer.alloc(1), 1)).toEqual({ kind: 'granted' });
  await vm1.release(redis, held, 0);
  expect(await vm5.reserve(redis, late, chunk)).toMatchObject({ reason: 'line' });
  expect(await vm4.reserve(redis, patient, 4 * chunk)).toEqual({ kind: 'granted' });
  expect(await vm5.reserve(redis, late, chunk - 1)).toEqual({ kind: 'granted' });
});

test('who waits for the share of its own VM is in nobody else’s way', async () => {
  await reserved(vm5, 4 * chunk);
  expect(await vm5.reserve(redis, makeOperationId(), chunk)).toMatchObject({ reason: 'share' });
  await reserved(vm4, 4 * chunk);
});

test('a place in the line is lost by whoever stops asking', async () => {
  const held = await reserved(vm5, 4 * chunk);
  await reserved(vm4, 3 * chunk);
  const vm1 = new StagingCalls(keys, 'vm1');
  expect(await vm1.reserve(redis, makeOperationId(), 4 * chunk)).toMatchObject({ kind: 'wait' });
  await vm5.release(redis, held, 0);
  const late = makeOperationId();
  expect(await vm5.reserve(redis, late, chunk)).toMatchObject({ reason: 'line' });
  await clock.advance(5_001);
  expect(await vm5.reserve(redis, late, chunk)).toEqual({ kind: 'granted' });
});

test('Redis without the library makes producers wait for a writer', async () => {
  await redis.function('FLUSH');
  expect(await vm5.put(redis, makeOperationId(), 0, full, chunk)).toMatchObject({
    kind: 'wait',
    reason: 'writer',
  });
});

test('whatever producers do, in whatever order, no more is staged than is counted, and no more counted than allowed', async () => {
  const vms = [vm4, vm5, new StagingCalls(keys, 'vm1')] as const;
  const ids = Array.from({ length: 6 }, () => makeOperationId());
  const step = fc.record({
    does: fc.constantFrom('reserve', 'put', 'put-first', 'renew', 'seal', 'release', 'wait', 'vanish'),
    vm: fc.nat(2),
    id: fc.nat(5),
    index: fc.nat(4),
    bytes: fc.constantFrom(0, 1, chunk - 1, chunk, chunk + 1, 3 * chunk, 5 * chunk),
  });
  const play = async ({
    does,
    vm,
    id,
    index,
    bytes,
  }: typeof step extends fc.Arbitrary<infer S> ? S : never) => {
    const calls = vms[vm] ?? vm4;
    const operationId = ids[id] ?? '';
    const value = Buffer.alloc(Math.min(bytes, chunk));
    if (does === 'reserve') await calls.reserve(redis, operationId, bytes);
    if (does === 'put') await calls.put(redis, operationId, index, value);
    if (does === 'put-first') await calls.put(redis, operationId, 0, value, value.length);
    if (does === 'renew') await calls.renew(redis, stagedTtlMs.uploading, [{ operationId, chunks: index }]);
    if (does === 'seal')
      await calls.renew(redis, stagedTtlMs.queued, [{ operationId, chunks: 5, keepBytes: 5 * chunk }]);
    if (does === 'release') await calls.release(redis, operationId, 5);
    if (does === 'wait') await clock.advance(25_000);
    if (does === 'vanish') await clock.advance(stagedTtlMs.uploading + 1);
  };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      await redis.flushall();
      clock = await ownStagingClock(redis, budget);
      for (const one of steps) {
        await play(one);
        const { bytes } = await stagingFiguresOf(redis);
        expect(await stagedBytes(redis)).toBeLessThanOrEqual(bytes);
        expect(bytes).toBeLessThanOrEqual(budget.totalBytes);
      }
    }),
    { numRuns: 40 },
  );
});
