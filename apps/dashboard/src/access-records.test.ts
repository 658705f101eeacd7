import { expect, test } from 'vitest';
import { until } from '../../../tests/support/deadline.ts';
import { AccessRecords, type AccessRecordsOptions } from './access-records.ts';
import { ActionError } from './actions/action-error.ts';

type Sent = { operationId: string | undefined; entries: { fileId: string; accessedBy?: string }[] };

/** The batcher with a queue of the test's own in place of Redis: what is sent, and what becomes of it. */
function open(
  answer: (n: number) => Promise<void> = async () => {},
  more: Partial<AccessRecordsOptions> = {},
) {
  const sent: Sent[] = [];
  const dropped: object[] = [];
  const clock = { nowMs: 1_000 };
  const run = async (
    actor: { name: string },
    name: string,
    fields: unknown,
    options?: { operationId?: string },
  ) => {
    expect([actor.name, name]).toEqual(['dashboard', 'access-record']);
    sent.push({ operationId: options?.operationId, ...(fields as { entries: Sent['entries'] }) });
    await answer(sent.length);
  };
  const records = new AccessRecords({
    actions: { run: run as never },
    emit: (_event, fields) => void dropped.push(fields),
    now: () => clock.nowMs,
    everyMs: 60_000,
    ...more,
  });
  return { records, sent, dropped, clock };
}

const away = () => Promise.reject(new ActionError('REDIS_UNAVAILABLE', 'away', { status: 503 }));
const many = (records: AccessRecords, count: number, from = 0) => {
  for (let n = from; n < from + count; n++) records.record('vera', `file ${n}`, 'view');
};

test('what waits goes together, with who looked and when', async () => {
  const { records, sent } = open();
  records.record('vera', 'a', 'view');
  records.record('a token', 'a', 'download');
  expect(sent).toEqual([]);
  await records.flush();
  expect(sent.map(({ entries }) => entries)).toEqual([
    [
      { fileId: 'a', accessType: 'view', atMs: 1_000, accessedBy: 'vera' },
      { fileId: 'a', accessType: 'download', atMs: 1_000, accessedBy: 'a token' },
    ],
  ]);
  await records.flush();
  expect(sent).toHaveLength(1);
});

test('it goes by itself after a while, and at once when there are a hundred', async () => {
  const soon = open(undefined, { everyMs: 5 });
  soon.records.record('vera', 'a', 'view');
  await until(() => soon.sent.length === 1, 'the entry to be sent');
  const full = open();
  many(full.records, 100);
  await until(() => full.sent.length === 1, 'the full batch to be sent');
  expect(full.sent[0]?.entries).toHaveLength(100);
});

test('whoever asks again within a minute looks once; after it, or otherwise, again', async () => {
  const { records, sent, clock } = open();
  records.record('vera', 'a', 'view');
  clock.nowMs += 59_000;
  records.record('vera', 'a', 'view');
  records.record('otto', 'a', 'view');
  records.record('vera', 'a', 'download');
  clock.nowMs += 2_000;
  records.record('vera', 'a', 'view');
  await records.flush();
  expect(sent[0]?.entries.map(({ accessedBy }) => accessedBy)).toEqual(['vera', 'otto', 'vera', 'vera']);
});

test('a batch that Redis did not take goes again as the same operation, before the others', async () => {
  const { records, sent, dropped } = open((n) => (n === 1 ? away() : Promise.resolve()));
  records.record('vera', 'a', 'view');
  await records.flush();
  records.record('vera', 'b', 'view');
  await records.flush();
  expect(sent.map(({ entries }) => entries.map(({ fileId }) => fileId))).toEqual([['a'], ['a'], ['b']]);
  expect(sent[1]?.operationId).toBe(sent[0]?.operationId);
  expect(sent[2]?.operationId).not.toBe(sent[0]?.operationId);
  expect(dropped).toEqual([]);
});

test('what is in the queue is not sent twice, and what was refused is counted', async () => {
  const underWay = open(() => Promise.reject(new ActionError('NOT_YET_DURABLE', 'waits', { status: 202 })));
  underWay.records.record('vera', 'a', 'view');
  await underWay.records.flush();
  await underWay.records.flush();
  expect([underWay.sent.length, underWay.dropped]).toEqual([1, []]);
  const refused = open(() => Promise.reject(new ActionError('INVALID', 'no', { status: 400 })));
  refused.records.record('vera', 'a', 'view');
  await refused.records.flush();
  expect(refused.dropped).toEqual([{ entries: 1, reason: expect.stringContaining('no') }]);
});

test('while Redis is away no more than the bound waits; what does not fit is counted', async () => {
  const { records, sent, dropped } = open(away, { waiting: 150 });
  many(records, 50);
  await records.flush();
  many(records, 170, 50);
  await records.flush();
  expect(dropped).toEqual([{ entries: 20, reason: 'too many at once' }]);
  expect(sent.every(({ entries }) => entries.length <= 100)).toBe(true);
});

test('closing sends what waits, and is not held up by a queue that says nothing', async () => {
  const { records, sent } = open();
  records.record('vera', 'a', 'view');
  await records.close();
  expect(sent).toHaveLength(1);
  records.record('vera', 'b', 'view');
  await records.flush();
  expect(sent).toHaveLength(1);
  const stuck = open(() => new Promise(() => {}));
  many(stuck.records, 3);
  const began = performance.now();
  await stuck.records.close();
  expect(performance.now() - began).toBeLessThan(2_000);
});
