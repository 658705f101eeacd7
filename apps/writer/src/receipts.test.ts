import { type Answer, redisKeys, replyField } from '@filefleet/protocol';
import { expect, test } from 'vitest';
import { useRedis } from '../../../tests/support/redis-of-file.ts';
import type { EventName } from './events.ts';
import { type Command, Fence, FencedError } from './fence.ts';
import { ReceiptStage } from './receipts.ts';

const keys = redisKeys();
const producer = '0192a1b2-0000-4000-8000-000000000001';
const replyTo = { vm: 'vm5', producer };
const stream = keys.receipts('vm5', producer);
const server = useRedis();

/** A stage, the round trips that it made, and its events. */
function makeStage(epoch = 1) {
  const turns: (readonly Command[])[] = [];
  const events: [EventName, object][] = [];
  class CountingFence extends Fence {
    override run(commands: readonly Command[]): Promise<string[]> {
      turns.push(commands);
      return super.run(commands);
    }
  }
  const fence = new CountingFence(server.redis, keys.epoch, epoch, { storeId: 'a' });
  const stage = new ReceiptStage(fence, keys, (event, facts) => void events.push([event, facts]));
  return { stage, turns, events };
}

const applied = (operationId: string): Answer => ({
  operationId,
  outcome: 'applied',
  commitSequence: 1,
  committedAt: new Date(0).toISOString(),
});
const resend = (operationId: string): Answer => ({ operationId, outcome: 'resend', code: 'STAGE_MISSING' });

/** The producer makes its stream before it asks. */
const openStream = () => server.redis.xadd(stream, '*', 'hello', '1');

const answers = async () =>
  (await server.redis.xrange(stream, '-', '+')).flatMap(([, [field, text]]) =>
    field === replyField && text !== undefined ? [JSON.parse(text) as Answer] : [],
  );

test('answers of one turn travel together, in order', async () => {
  await openStream();
  const { stage, turns } = makeStage();
  const ids = ['a', 'b', 'c'];
  await Promise.all(ids.map((id) => stage.tell({ answer: applied(id), replyTo, staged: undefined })));
  expect(turns).toHaveLength(1);
  expect((await answers()).map(({ operationId }) => operationId)).toEqual(ids);
});

test('nobody to tell and nothing to drop costs no round trip', async () => {
  const { stage, turns } = makeStage();
  await stage.tell({ answer: applied('a'), replyTo: undefined, staged: undefined });
  await stage.tell({ answer: applied('a'), replyTo: undefined, staged: { vm: 'vm5', chunks: 0 } });
  expect(turns).toEqual([]);
});

test('an absent producer has no stream, and none is made for it', async () => {
  const { stage, events } = makeStage();
  await stage.tell({ answer: applied('a'), replyTo, staged: undefined });
  expect(await server.redis.exists(stream)).toBe(0);
  expect(events).toEqual([]);
});

test('staged chunks go once their operation is settled, and stay when it is to be sent again', async () => {
  const { stage } = makeStage();
  const staged = { vm: 'vm5', chunks: 2 };
  for (const id of ['done', 'again']) {
    for (const n of [0, 1]) await server.redis.set(keys.staged('vm5', id, n), 'x');
  }
  await stage.tell({ answer: applied('done'), replyTo, staged });
  await stage.tell({ answer: resend('again'), replyTo, staged });
  const chunks = [0, 1].flatMap((n) => [keys.staged('vm5', 'done', n), keys.staged('vm5', 'again', n)]);
  expect(await server.redis.mget(chunks)).toEqual([null, 'x', null, 'x']);
});

test('a stream that is none hurts nobody else: it is noted, the others get their answers', async () => {
  await openStream();
  const other = { vm: 'vm4', producer };
  await server.redis.set(keys.receipts('vm4', producer), 'not a stream');
  const { stage, events } = makeStage();
  await Promise.all([
    stage.tell({ answer: applied('a'), replyTo: other, staged: undefined }),
    stage.tell({ answer: applied('b'), replyTo, staged: undefined }),
  ]);
  expect((await answers()).map(({ operationId }) => operationId)).toEqual(['b']);
  const message = expect.stringContaining('WRONGTYPE');
  expect(events).toEqual([['receipts.unpublished', { count: 1, message }]]);
});

test('a Redis that refuses the whole turn is noted: the answer is in the ledger, and will be asked for', async () => {
  const events: [EventName, object][] = [];
  const fence = { run: () => Promise.reject(new Error('MISCONF disk')) } as unknown as Fence;
  const stage = new ReceiptStage(fence, keys, (event, facts) => void events.push([event, facts]));
  await stage.tell({ answer: applied('a'), replyTo, staged: undefined });
  expect(events).toEqual([['receipts.unpublished', { count: 1, message: 'MISCONF disk' }]]);
});

test('a writer that was replaced tells nobody and drops nothing', async () => {
  await openStream();
  await server.redis.set(keys.epoch, 2);
  await server.redis.set(keys.staged('vm5', 'a', 0), 'x');
  const { stage } = makeStage(1);
  const told = [applied('a'), applied('b')].map((answer) =>
    stage.tell({ answer, replyTo, staged: { vm: 'vm5', chunks: 1 } }),
  );
  for (const { status, ...rest } of await Promise.allSettled(told)) {
    expect([status, rest]).toEqual(['rejected', { reason: expect.any(FencedError) }]);
  }
  expect(await answers()).toEqual([]);
  expect(await server.redis.exists(keys.staged('vm5', 'a', 0))).toBe(1);
});

test('a stream that nobody reads is bounded', async () => {
  await openStream();
  const { stage } = makeStage();
  const commands: Promise<void>[] = [];
  for (let n = 0; n < 20_500; n++)
    commands.push(stage.tell({ answer: applied(`${n}`), replyTo, staged: undefined }));
  await Promise.all(commands);
  expect(await server.redis.xlen(stream)).toBeLessThan(20_300);
});
