import { makeJobId, makeOperationId } from '@filefleet/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { condemned, type RawJob, readJob } from './read-job.ts';

const operationId = makeOperationId(1_700_000_000_000);
const producer = '0192a1b2-0000-4000-8000-000000000001';
const numbers = { producer, sequence: 4, previous: 3 };

const payload = (fields: Record<string, unknown> = {}) => ({
  v: 1,
  operationId,
  vm: 'vm5',
  sessionId: 's1',
  ...numbers,
  ...fields,
});

const job = (fields: Partial<RawJob> = {}): RawJob => ({
  id: makeJobId('vm5', operationId),
  name: 'session-end',
  data: payload(),
  addedAtMs: 0,
  starts: 1,
  ...fields,
});

/** What is kept of a malformed job; fails when it was readable. */
function malformed(read: ReturnType<typeof readJob>) {
  if (read.kind !== 'malformed') throw new Error('expected a malformed job, got an operation');
  return { ...read.entry, replyTo: read.replyTo };
}

test('a sound job is an operation with its intent and its reply address', () => {
  expect(readJob(job())).toMatchObject({
    kind: 'operation',
    operation: { name: 'session-end', payload: payload() },
    intent: expect.stringMatching(/^[0-9a-f]{64}$/),
    replyTo: { vm: 'vm5', producer },
  });
});

test('a job that was added again under a numbered id is the same operation', () => {
  const [first, again] = [0, 3].map((repeat) => readJob(job({ id: makeJobId('vm5', operationId, repeat) })));
  expect(again).toEqual(first);
});

test('without a producer there is nobody to answer', () => {
  const data = { v: 1, operationId, vm: 'vm5', sessionId: 's1' };
  expect(readJob(job({ data }))).toMatchObject({ kind: 'operation', replyTo: undefined });
});

describe('a job whose identity can be read settles its number and answers its producer', () => {
  test.each([
    ['an unknown operation', job({ name: 'file-explode' }), 'OPERATION_UNKNOWN'],
    ['a newer version', job({ data: payload({ v: 99 }) }), 'VERSION_UNSUPPORTED'],
    ['an unknown field', job({ data: payload({ more: 1 }) }), 'PAYLOAD_INVALID'],
    ['a lone surrogate', job({ data: payload({ actor: '\ud800' }) }), 'PAYLOAD_INVALID'],
    ['a NUL', job({ data: payload({ actor: 'a\0b' }) }), 'PAYLOAD_INVALID'],
    [
      'a prototype',
      job({ data: JSON.parse(JSON.stringify(payload()).replace('{', '{"__proto__":{},')) }),
      'PAYLOAD_INVALID',
    ],
    ['too much', job({ data: payload({ reason: 'x'.repeat(40_000) }) }), 'PAYLOAD_INVALID'],
  ])('%s', (_what, bad, code) => {
    expect(malformed(readJob(bad))).toMatchObject({
      job: { jobId: bad.id, name: bad.name, code, reason: expect.stringContaining('expected') },
      identity: { operationId, vm: 'vm5', sessionId: 's1', code, numbers: { ...numbers, vm: 'vm5' } },
      replyTo: { vm: 'vm5', producer },
    });
  });
});

describe('numbers count only when they can be numbers of this producer and session', () => {
  test.each([
    ['a sequence of text', { sequence: '4' }],
    ['a sequence beyond what is exact', { sequence: 2 ** 53 }],
    ['a broken number', { sequence: 4.5 }],
    ['a negative one', { previous: -1 }],
    ['one that is its own predecessor', { previous: 4 }],
    ['none', { sequence: undefined, previous: undefined }],
    ['no session', { sessionId: undefined }],
    ['an endless session', { sessionId: 'x'.repeat(500) }],
    ['a session that is no text', { sessionId: { toString: 'x' } }],
  ])('%s', (_what, fields) => {
    const { identity, replyTo } = malformed(readJob(job({ data: payload({ ...fields, more: 1 }) })));
    expect(identity).toMatchObject({ operationId });
    expect(identity).not.toHaveProperty('numbers');
    expect(replyTo).toEqual({ vm: 'vm5', producer });
  });

  test.each(['no uuid', producer.toUpperCase(), 7, `${producer}\n`])('a producer %j is no address', (bad) => {
    const { identity, replyTo } = malformed(readJob(job({ data: payload({ producer: bad }) })));
    expect([identity?.numbers, replyTo]).toEqual([undefined, undefined]);
  });
});

describe('a job without an identity that can be trusted is kept and settles nothing', () => {
  test.each([
    ['another operation’s id', job({ id: makeJobId('vm5', makeOperationId()) })],
    ['another VM’s id', job({ id: makeJobId('vm4', operationId) })],
    ['an id of no form, sound otherwise', job({ id: '17' })],
    ['an id of no form', job({ id: 'x'.repeat(5_000), data: payload({ more: 1 }) })],
    ['no data', job({ data: null })],
    ['a list', job({ data: [payload()] })],
    ['a text', job({ data: 'text' })],
    ['nothing at all, as of a list id without a hash', job({ id: '', name: '', data: {} })],
    ['an operation id that is none', job({ data: payload({ operationId: 'x' }) })],
  ])('%s', (_what, bad) => {
    const { identity, replyTo, job: kept } = malformed(readJob(bad));
    expect([identity, replyTo]).toEqual([undefined, undefined]);
    expect(kept.jobId.length).toBeLessThanOrEqual(200);
    expect(kept.code).toBe(bad.name === '' ? 'OPERATION_UNKNOWN' : 'PAYLOAD_INVALID');
  });
});

test('text that is no JSON is kept as it was', () => {
  const { job: kept, identity } = malformed(readJob(job({ brokenText: '{"v": 1', data: {} })));
  expect(kept).toMatchObject({ code: 'PAYLOAD_INVALID', payloadText: '{"v": 1' });
  expect(identity).toBeUndefined();
});

test('what is kept of a job is bounded', () => {
  const huge = 'x'.repeat(1_000_000);
  const { job: kept } = malformed(readJob(job({ id: huge, name: huge, data: { huge } })));
  expect(kept.payloadText).toHaveLength(64 * 1024);
  expect(kept.reason.length).toBeLessThan(1_000);
  expect([kept.jobId.length, kept.name.length]).toEqual([200, 100]);
  const broken = malformed(readJob(job({ brokenText: huge })));
  expect(broken.job.payloadText).toHaveLength(64 * 1024);
});

test('no job at all can make it throw', () => {
  const data = fc.oneof(fc.jsonValue(), fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()));
  const text = fc.string({ unit: 'binary' });
  fc.assert(
    fc.property(
      text,
      fc.oneof(text, fc.constant('file-store')),
      data,
      fc.double(),
      (id, name, any, starts) => {
        const read = readJob({ id, name, data: any, addedAtMs: Number.NaN, starts });
        expect(read.kind).toBe('malformed');
      },
    ),
  );
});

test('a condemned job keeps its payload, its number and its bytes', () => {
  const read = readJob(job());
  if (read.kind !== 'operation') throw new Error('expected an operation');
  const poison = malformed(condemned(job(), read.operation, read.replyTo, 'abc.1-1'));
  expect(poison).toMatchObject({
    job: { code: 'POISON', bytesName: 'abc.1-1', payloadText: JSON.stringify(read.operation.payload) },
    identity: { code: 'EXECUTION_FAILED', numbers: { ...numbers, sessionId: 's1', vm: 'vm5' } },
    replyTo: { vm: 'vm5', producer },
  });
});
