import { makeJobId, makeOperationId } from '@filefleet/protocol';
import { type Entry, type Result, StoreError } from '@filefleet/store';
import { expect, test, vi } from 'vitest';
import type { EventName } from './events.ts';
import { Lanes } from './lanes.ts';
import { tookMsOf } from './outcomes.ts';
import { Pipeline } from './pipeline.ts';
import type { RawJob } from './read-job.ts';
import type { Told } from './receipts.ts';
import { Turns } from './turns.ts';

const settleAll = () => new Promise((resolve) => setImmediate(resolve));
const producer = '0192a1b2-0000-4000-8000-000000000001';

/** A pipeline whose store answers what the test says. */
function makePipeline(answer: (entry: Entry) => Promise<Result>) {
  const told: Told[] = [];
  const events: EventName[] = [];
  const submitted: Entry[] = [];
  const onFatal = vi.fn();
  const discarded = vi.fn(async () => undefined);
  const pipeline = new Pipeline({
    turns: new Turns(),
    lanes: new Lanes(),
    content: {
      prepare: async () => ({ kind: 'held' }),
      discard: discarded,
      prepareRetry: async () => undefined,
      release: async () => undefined,
      keepInQuarantine: async () => undefined,
    },
    committer: {
      submit: async (entry) => {
        submitted.push(entry);
        return answer(entry);
      },
    },
    receipts: { tell: async (what) => void told.push(what) },
    suspicion: { guard: (_jobId, run) => run(false) },
    emit: (event) => void events.push(event),
    clock: { nowMs: () => 5_000 },
    onFatal,
  });
  return { pipeline, told, events, submitted, onFatal, discarded };
}

function job(fields: Record<string, unknown> = {}, facts: Partial<RawJob> = {}): RawJob {
  const operationId = makeOperationId();
  const data = { v: 1, operationId, vm: 'vm5', sessionId: 's1', producer, ...fields };
  return { id: makeJobId('vm5', operationId), name: 'session-end', data, addedAtMs: 0, starts: 1, ...facts };
}

const idOf = (entry: Entry) => (entry.kind === 'operation' ? entry.operation.payload.operationId : '');

const applied = async (entry: Entry): Promise<Result> => ({
  kind: 'settled',
  repeated: false,
  receipt: { operationId: idOf(entry), outcome: 'applied', commitSequence: 1, committedAt: '' },
});
const refused = async (entry: Entry): Promise<Result> => ({
  kind: 'settled',
  repeated: false,
  receipt: {
    operationId: idOf(entry),
    outcome: 'refused',
    code: 'CONFLICT',
    commitSequence: 1,
    committedAt: '',
  },
});
const resent = async (entry: Entry): Promise<Result> => ({
  kind: 'resend',
  answer: { operationId: idOf(entry), outcome: 'resend', code: 'STAGE_MISSING' },
});

test.each([
  ['applied', applied, 'complete', 'operation.settled'],
  ['refused', refused, 'fail', 'operation.refused'],
  ['to be sent again', resent, 'vanish', 'operation.resent'],
])('%s: told, then the end of the job', async (_what, answer, kind, event) => {
  const { pipeline, told, events } = makePipeline(answer);
  expect(await pipeline.handle(job())).toMatchObject({ kind });
  expect(told).toMatchObject([{ replyTo: { vm: 'vm5', producer } }]);
  expect(events).toEqual([event]);
  expect(pipeline.active).toBe(0);
});

test('operations that BullMQ handed over in the wrong order are submitted in that of their producer', async () => {
  const { pipeline, submitted } = makePipeline(applied);
  const jobs = [1, 2, 4, 3].map((sequence) => job({ sequence, previous: sequence - 1 }));
  await Promise.all(jobs.map((each) => pipeline.handle(each)));
  const sequences = submitted.map((entry) =>
    entry.kind === 'operation' && 'sequence' in entry.operation.payload
      ? entry.operation.payload.sequence
      : 0,
  );
  expect(sequences).toEqual([1, 2, 3, 4]);
});

test('a job that nobody can be told of fails into quarantine', async () => {
  const { pipeline, told, events } = makePipeline(async () => ({ kind: 'quarantined' }));
  const end = await pipeline.handle(job({}, { id: 'nonsense' }));
  expect(end).toMatchObject({
    kind: 'fail',
    reason: expect.stringMatching(/^QUARANTINED PAYLOAD_INVALID: /),
  });
  expect([told, events]).toEqual([[], ['job.quarantined']]);
});

test('bytes that were there a moment ago are fetched, and what was not used is removed', async () => {
  let gone = true;
  const { pipeline, submitted, discarded } = makePipeline(async (entry) => {
    const result: Result = gone ? { kind: 'content-gone' } : await applied(entry);
    gone = false;
    return result;
  });
  await pipeline.handle(job());
  expect(submitted).toHaveLength(2);
  expect(discarded).toHaveBeenCalledOnce();
});

test('after a fatal error the job is never ended, and it counts as under way', async () => {
  const error = Object.assign(new Error('EIO'), { code: 'EIO' });
  const { pipeline, told, onFatal } = makePipeline(() => Promise.reject(error));
  let ended = false;
  void pipeline.handle(job()).then(() => {
    ended = true;
  });
  await settleAll();
  expect([ended, told, pipeline.active]).toEqual([false, [], 1]);
  expect(onFatal).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: 'STORAGE_FAULT' }));
});

test.each([
  ['a connection that the stop took away', new Error('Connection is closed.'), 0],
  ['a disk that fails', new StoreError('STORAGE_FAULT', 'x'), 1],
])('once the rest was left to the successor, %s is fatal %# times', async (_what, error, times) => {
  const { pipeline, onFatal } = makePipeline(() => Promise.reject(error));
  pipeline.abandon();
  void pipeline.handle(job());
  await settleAll();
  expect(onFatal).toHaveBeenCalledTimes(times);
});

test('whoever waits for idleness waits for all jobs, and not at all without one', async () => {
  const commit = Promise.withResolvers<void>();
  const { pipeline } = makePipeline(async (entry) => {
    await commit.promise;
    return applied(entry);
  });
  await pipeline.whenIdle();
  const jobs = [1, 2].map(() => pipeline.handle(job()));
  let idle = false;
  const waited = pipeline.whenIdle().then(() => {
    idle = true;
  });
  await settleAll();
  expect([idle, pipeline.active]).toEqual([false, 2]);
  commit.resolve();
  await Promise.all([...jobs, waited]);
  expect(pipeline.active).toBe(0);
});

test('a job that comes again is told of', async () => {
  const { pipeline, events } = makePipeline(applied);
  await pipeline.handle(job({}, { starts: 2 }));
  expect(events).toEqual(['job.redelivered', 'operation.settled']);
});

test.each([
  [4_000, 1_000],
  [6_000, 0],
  [0, 0],
  [-Infinity, 0],
  [Infinity, 0],
  [Number.NaN, 0],
])('a job added at %d by its producer’s clock took %d ms at 5,000', (addedAtMs, tookMs) => {
  expect(tookMsOf({ addedAtMs }, 5_000)).toBe(tookMs);
});
