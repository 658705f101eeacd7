import { limits, makeOperationId, redisKeys, stagedTtlMs, stagingFunctions } from '@filefleet/protocol';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { until } from '../../../tests/support/deadline.ts';
import { startRedis, type TestRedis } from '../../../tests/support/redis.ts';
import { ownStagingClock, stagedBytes, stagingFiguresOf } from '../../../tests/support/staging-library.ts';
import type { EventName } from './events.ts';
import { Fence } from './fence.ts';
import { ReceiptStage } from './receipts.ts';
import { StagingBudget } from './staging-budget.ts';

const keys = redisKeys();
let server: TestRedis;
let redis: Redis;

beforeEach(async () => {
  server = await startRedis();
  redis = new Redis(server.url, { maxRetriesPerRequest: null, retryStrategy: () => 20 });
  redis.on('error', () => undefined);
});
afterEach(async () => {
  redis.disconnect();
  await server.stop();
});

function makeBudget(totalBytes = 4_000_000, epoch = 2) {
  const events: [EventName, object][] = [];
  const onFenced = vi.fn();
  const connection = redis.duplicate();
  onTestFinished(() => connection.disconnect());
  connection.on('error', () => undefined);
  const fence = new Fence(connection, keys.epoch, epoch, { storeId: 'a' });
  const emit = (event: EventName, facts: object) => void events.push([event, facts]);
  const budget = new StagingBudget({ redis: connection, fence, keys, totalBytes, emit, onFenced });
  const prepared = () => events.filter(([event]) => event === 'staging.prepared').length;
  return { budget, fence, events, onFenced, prepared };
}

const reserve = (operationId: string, bytes: number, vm = 'vm5') =>
  redis.fcall(stagingFunctions.reserve, 1, keys.staging, vm, operationId, bytes, stagedTtlMs.uploading);
const put = (operationId: string, value: Buffer) =>
  redis.fcall(
    stagingFunctions.put,
    2,
    keys.staging,
    keys.staged('vm5', operationId, 0),
    'vm5',
    operationId,
    0,
    value,
    value.byteLength,
    stagedTtlMs.uploading,
  );

test('Redis has limits and library as soon as the writer is connected, half of the budget for one VM', async () => {
  const { prepared } = makeBudget(4_000_000);
  await until(() => prepared() === 1, 'the library');
  expect(await reserve(makeOperationId(), 2_000_001)).toEqual([-1, 'share', 0, 2_000_000]);
  expect(await reserve(makeOperationId(), 2_000_000)).toEqual([1]);
});

test('a Redis that comes back empty is prepared again, and what was reserved in the other is forgotten', async () => {
  const { prepared } = makeBudget();
  await until(() => prepared() === 1, 'the library');
  await reserve(makeOperationId(), 2_000_000);
  await server.stop();
  server = await startRedis({ port: server.port });
  await until(() => prepared() === 2, 'the library again');
  expect(await reserve(makeOperationId(), 2_000_000)).toEqual([1]);
});

test('functions that somebody flushed are put back at the next look', async () => {
  const { budget, prepared } = makeBudget();
  await until(() => prepared() === 1, 'the library');
  await redis.function('FLUSH');
  await budget.look();
  expect(await reserve(makeOperationId(), 1)).toEqual([1]);
});

test('a writer that was replaced prepares nothing and says so', async () => {
  await redis.set(keys.epoch, 9);
  const { onFenced } = makeBudget();
  await until(() => onFenced.mock.calls.length > 0, 'the fence');
  expect(await redis.function('LIST')).toEqual([]);
});

test('orphans are forgotten, counted and told of by the writer alone, when no producer asks for room', async () => {
  const { budget, events } = makeBudget();
  await until(() => budget.figures, 'the first look');
  const clock = await ownStagingClock(redis, { totalBytes: 4_000_000, shareBytes: 2_000_000 });
  await put(makeOperationId(), Buffer.alloc(1_000));
  await clock.advance(stagedTtlMs.uploading + 1);
  await until(() => budget.figures?.orphanedOperations === 1, 'the figure');
  expect(budget.figures).toMatchObject({ bytes: 0, operations: 0, orphanedBytes: 1_000 });
  expect(events).toContainEqual(['staging.orphaned', { operations: 1, bytes: 1_000 }]);
});

test('bytes are counted until their operation is settled, and given back with the chunks then', async () => {
  const { fence, prepared } = makeBudget();
  await until(() => prepared() === 1, 'the library');
  const stage = new ReceiptStage(fence, keys, () => undefined);
  const operationId = makeOperationId();
  await put(operationId, Buffer.alloc(1_000));
  const tell = (answer: Parameters<ReceiptStage['tell']>[0]['answer']) =>
    stage.tell({ answer, replyTo: undefined, staged: { vm: 'vm5', chunks: 1 } });
  await tell({ operationId, outcome: 'resend', code: 'OUT_OF_ORDER', expected: 1 });
  expect(await stagingFiguresOf(redis)).toMatchObject({ bytes: 1_000, operations: 1 });
  await tell({ operationId, outcome: 'applied', commitSequence: 1, committedAt: new Date(0).toISOString() });
  expect(await stagingFiguresOf(redis)).toEqual({
    bytes: 0,
    operations: 0,
    waiting: 0,
    orphanedBytes: 0,
    orphanedOperations: 0,
    unreservedOperations: 0,
  });
  expect(await stagedBytes(redis)).toBe(0);
});

test('bytes that nobody reserved are seen when they are dropped, and told from others when the budget is used up', async () => {
  const { budget, fence, prepared } = makeBudget(4_000_000);
  await until(() => prepared() === 1, 'the library');
  const stage = new ReceiptStage(fence, keys, () => undefined);
  const [bypassed, reserved] = [makeOperationId(), makeOperationId()];
  await redis.set(keys.staged('vm5', bypassed, 0), 'x');
  await reserve(reserved, 2_000_000);
  expect(await budget.isPastBudget('vm5', bypassed)).toBe(false);
  await reserve(makeOperationId(), 2_000_000, 'vm4');
  await budget.look();
  expect(budget.pressure).toBe('memory');
  expect(await budget.isPastBudget('vm5', bypassed)).toBe(true);
  expect(await budget.isPastBudget('vm5', reserved)).toBe(false);
  const answer = { operationId: bypassed, outcome: 'resend', code: 'STAGE_UNRESERVED' } as const;
  await stage.tell({ answer, replyTo: undefined, staged: { vm: 'vm5', chunks: 1 } });
  expect(await stagedBytes(redis)).toBe(0);
  expect((await stagingFiguresOf(redis)).unreservedOperations).toBe(1);
});

test('large content that is held is known from its receipt on, no more than a bounded number, until it is forgotten', async () => {
  const { fence } = makeBudget();
  const stage = new ReceiptStage(fence, keys, () => undefined, { nowMs: () => 5_000 });
  const tell = (digest: string, size: number) =>
    stage.tell({
      answer: {
        operationId: makeOperationId(),
        outcome: 'applied',
        digest,
        size,
        commitSequence: 1,
        committedAt: new Date(0).toISOString(),
      },
      replyTo: undefined,
      staged: undefined,
    });
  const [small, large, expired] = ['a', 'b', 'c'].map((letter) => letter.repeat(64)) as [
    string,
    string,
    string,
  ];
  await redis.zadd(keys.known, 4_999, expired);
  await tell(small, limits.knownBytesFrom);
  await tell(large, limits.knownBytesFrom + 1);
  expect(await redis.zrange(keys.known, '0', '-1')).toEqual([large]);
  const flood = Array.from({ length: limits.knownDigests }, (_, n) => ['9e12', `digest-${n}`]).flat();
  for (let at = 0; at < flood.length; at += 20_000)
    await redis.zadd(keys.known, ...flood.slice(at, at + 20_000));
  await tell('d'.repeat(64), limits.knownBytesFrom + 1);
  expect(await redis.zcard(keys.known)).toBe(limits.knownDigests);
});
