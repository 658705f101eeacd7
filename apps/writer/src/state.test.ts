import { redisKeys, writerStateField, writerStateSchema } from '@filefleet/protocol';
import { expect, onTestFinished, test, vi } from 'vitest';
import { useRedis } from '../../../tests/support/redis-of-file.ts';
import type { EventName, WriterEvent } from './events.ts';
import { type Command, Fence, FencedError } from './fence.ts';
import { StatePublisher } from './state.ts';

const keys = redisKeys();
const server = useRedis();

function makePublisher(fence: Pick<Fence, 'run'> = new Fence(server.redis, keys.epoch, 7, { storeId: 'a' })) {
  const events: [EventName, object][] = [];
  const onFenced = vi.fn();
  const state = new StatePublisher({
    fence: fence as Fence,
    keys,
    clock: { nowMs: () => 5_000 },
    epoch: 7,
    schemaVersion: '002',
    configured: { inlineBlobBytes: 1_024, stagedTotalBytes: 5_000_000, queuedOperationsPerVm: 700 },
    staged: () => undefined,
    lastCommit: () => ({ commitSequence: 12, committedAtMs: 4_000 }),
    pressure: () => 'disk',
    emit: (event, facts) => void events.push([event, facts]),
    onFenced,
  });
  return { state, events, onFenced };
}

const published = async () =>
  writerStateSchema.parse(JSON.parse((await server.redis.hget(keys.writer, writerStateField)) ?? ''));

test('a phase is published with everything that producers and operators ask first', async () => {
  const { state } = makePublisher();
  await state.enter('running');
  expect(await published()).toMatchObject({
    epoch: 7,
    phase: 'running',
    pid: process.pid,
    startedAtMs: 5_000,
    heartbeatAtMs: 5_000,
    schemaVersion: '002',
    acceptedVersions: [1, 2],
    limits: { inlineBlobBytes: 1_024, queuedOperationsPerVm: 700, chunkBytes: 262_144 },
    pressure: 'disk',
    commitSequence: 12,
    lastCommitAtMs: 4_000,
    settled: { applied: 0, refused: 0, resend: 0, quarantined: 0 },
  });
});

test('what was settled is counted by outcome', async () => {
  const { state } = makePublisher();
  const events = [
    'operation.settled',
    'operation.settled',
    'operation.refused',
    'operation.resent',
    'job.quarantined',
    'group.committed',
  ];
  const facts = { vm: 'vm5', tookMs: 3, durationMs: 3 };
  for (const event of events) state.subscriber({ event, facts } as unknown as WriterEvent);
  await state.enter('running');
  const { settled, activity } = await published();
  expect(settled).toEqual({ applied: 2, refused: 1, resend: 1, quarantined: 1 });
  expect(activity?.perVm).toMatchObject([{ vm: 'vm5', applied: 2, refused: 1, resend: 1 }]);
});

test('a replaced writer cannot publish its state', async () => {
  await server.redis.set(keys.epoch, 8);
  const { state } = makePublisher();
  await expect(state.enter('running')).rejects.toThrow(FencedError);
  expect(await server.redis.exists(keys.writer)).toBe(0);
});

test('a state that Redis does not take is told of, not thrown', async () => {
  await server.redis.set(keys.writer, 'not a hash');
  const { state, events } = makePublisher();
  await state.enter('running');
  expect(events).toEqual([['state.unpublished', { message: expect.stringContaining('WRONGTYPE') }]]);
});

/** Heartbeats whose time and answers are the test's. */
function makeHeart(answer: (commands: readonly Command[]) => Promise<string[]>) {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const run = vi.fn(answer);
  const made = makePublisher({ run });
  made.state.start();
  onTestFinished(() => made.state.stop());
  return { ...made, run, beat: () => vi.advanceTimersByTimeAsync(1_000) };
}

test('the heart beats every second until it is stopped', async () => {
  const { run, beat, state } = makeHeart(async () => []);
  await beat();
  await beat();
  state.stop();
  await beat();
  expect(run).toHaveBeenCalledTimes(2);
});

test('while Redis is away beats do not queue up', async () => {
  const away = Promise.withResolvers<string[]>();
  const { run, beat } = makeHeart(() => away.promise);
  await beat();
  await beat();
  expect(run).toHaveBeenCalledTimes(1);
  away.resolve([]);
  await beat();
  expect(run).toHaveBeenCalledTimes(2);
});

test('beats that go unheard are told of once, and again after one was heard', async () => {
  const answers = [['OOM'], ['OOM'], [], ['MISCONF']];
  const { beat, events } = makeHeart(async () => answers.shift() ?? []);
  for (const _ of [1, 2, 3, 4]) await beat();
  expect(events).toEqual([
    ['state.unpublished', { message: 'OOM' }],
    ['state.unpublished', { message: 'MISCONF' }],
  ]);
});

test('a beat that meets a higher epoch ends the writer', async () => {
  const error = new FencedError('another writer has taken over');
  const { beat, onFenced } = makeHeart(() => Promise.reject(error));
  await beat();
  expect(onFenced).toHaveBeenCalledExactlyOnceWith(error);
});
