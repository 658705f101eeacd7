// Jobs that no client of ours would make: they end in quarantine and in `failed`, never in a loop, and their neighbours
// are stored. Job options that ask for special treatment change nothing.

import { makeJobId, makeOperationId } from '@filefleet/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { rows, value } from '../support/database.ts';
import { until } from '../support/deadline.ts';
import { useFleet } from '../support/fleet.ts';
import { TestQueue } from '../support/queue.ts';
import { prepareStaging } from '../support/staging-library.ts';

const fleet = useFleet();
let queue: TestQueue;

beforeEach(() => {
  queue = new TestQueue(fleet.redis.url);
});
afterEach(() => queue.close());

/** One of each kind, put into the queue before there is a writer. @returns their job ids. */
async function addMalformed(): Promise<Record<string, string>> {
  const good = () => queue.stageText(`text ${makeOperationId()}`);
  const broken = await queue.add('file-store', await good());
  await queue.redis.hset(queue.key(broken.jobId), 'data', '{"v":1,"operationId":');
  const dataless = await queue.add('file-store', await good());
  await queue.redis.hdel(queue.key(dataless.jobId), 'data');
  const hashless = await queue.add('file-store', await good());
  await queue.redis.del(queue.key(hashless.jobId));
  const foreign = makeJobId('vm4', makeOperationId());
  return {
    'broken JSON': broken.jobId,
    'a hash without data': dataless.jobId,
    'a list id without a hash': hashless.jobId,
    'an unknown name': (await queue.add('file-explode', await good())).jobId,
    'an unknown key': (await queue.add('file-store', await queue.stageText('key', { evil: 1 }))).jobId,
    'an id of another operation': (await queue.add('file-store', await good(), { jobId: foreign })).jobId,
    'an id of no operation': (await queue.add('file-store', await good(), { jobId: 'hello' })).jobId,
    'a payload that is a list': (await queue.add('file-store', [] as never, { jobId: 'list' })).jobId,
  };
}

test('malformed jobs end in quarantine and in failed, and their neighbours are stored', async () => {
  await prepareStaging(fleet.redis.url); // as the writer leaves Redis that was there before
  const vm = await fleet.startVm('vm1');
  const neighbour = (filename: string) =>
    vm.client.enqueueStore({ sessionId: 's1', filename, content: filename });
  const before = await neighbour('before');
  const malformed = await addMalformed();
  const after = await neighbour('after');
  const jobIds = Object.values(malformed);
  expect(await queue.unfinished()).toBe(jobIds.length + 2);

  const writer = fleet.startWriter();
  const receipts = await Promise.all(
    [before, after].map(({ operationId }) => vm.client.receipt(operationId)),
  );
  expect(receipts).toMatchObject([{ outcome: 'applied' }, { outcome: 'applied' }]);
  await until(async () => (await queue.unfinished()) === 0, 'the queue to be empty');
  const sql = 'SELECT original_filename AS filename FROM conversation_files ORDER BY file_id';
  expect(rows(fleet.dataDir, sql)).toEqual([{ filename: 'before' }, { filename: 'after' }]);

  const quarantined = () =>
    rows<{ id: string }>(fleet.dataDir, 'SELECT job_id AS id FROM quarantine').map(({ id }) => id);
  await until(
    () => jobIds.every((id) => quarantined().includes(id)),
    () => `all in quarantine: ${quarantined()}`,
  );
  for (const [kind, jobId] of Object.entries(malformed)) {
    await until(async () => (await queue.queue.getJobState(jobId)) === 'failed', `${kind} to be failed`);
    const reason = await queue.redis.hget(queue.key(jobId), 'failedReason');
    expect(reason, kind).toMatch(/^(QUARANTINED )?[A-Z_]+: /);
  }

  // The next writer does not meet them again.
  const count = quarantined().length;
  await writer.stop();
  await fleet.startWriter().ready;
  await vm.client.store({ sessionId: 's1', filename: 'later', content: 'later' });
  await until(async () => (await queue.unfinished()) === 0, 'the queue to be empty again');
  expect(quarantined()).toHaveLength(count);
});

test('job options of a producer do not change how its operation is settled', async () => {
  const hostile = {
    attempts: { attempts: 10, backoff: { type: 'fixed', delay: 1 } },
    removeAtOnce: { removeOnComplete: true, removeOnFail: true },
    lifo: { lifo: true },
    priority: { priority: 7 },
    delay: { delay: 150 },
    keepNone: { removeOnComplete: { age: 0, count: 0 } },
    stackTraces: { stackTraceLimit: 1_000, keepLogs: 1_000 },
  } as const;
  const stores = await Promise.all(
    Object.entries(hostile).map(async ([name, options]) =>
      queue.add('file-store', await queue.stageText(name), options),
    ),
  );
  const refusals = await Promise.all(
    Object.values(hostile).map((options) => {
      const payload = { v: 1, operationId: makeOperationId(), vm: 'vm4', sessionId: 'raw' };
      return queue.add('file-delete', { ...payload, fileId: makeOperationId() } as never, options);
    }),
  );
  await fleet.startWriter().ready;
  await until(async () => (await queue.unfinished()) === 0, 'the queue to be empty');
  for (const { jobId, operationId } of stores) {
    const job = await queue.queue.getJob(jobId);
    expect(await job?.getState(), JSON.stringify(job?.opts)).toBe('completed');
    expect(job?.returnvalue).toMatchObject({ operationId, outcome: 'applied' });
  }
  for (const { jobId } of refusals) {
    const job = await queue.queue.getJob(jobId);
    expect(await job?.getState(), JSON.stringify(job?.opts)).toBe('failed');
    expect(job).toMatchObject({ attemptsMade: 1, stacktrace: [] });
  }
  expect(value(fleet.dataDir, 'SELECT count(*) FROM conversation_files')).toBe(stores.length);
  expect(value(fleet.dataDir, 'SELECT count(*) FROM ledger')).toBe(stores.length + refusals.length);
});
