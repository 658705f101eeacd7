// What BullMQ, and so Bull Board, shows of an operation: applied ones completed with their receipt, refused ones failed
// with their reason, unsettled ones gone. And what it never shows: stack traces and paths.

import { makeOperationId, redisKeys } from '@filefleet/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rows } from '../support/database.ts';
import { until } from '../support/deadline.ts';
import { useFleet } from '../support/fleet.ts';
import { TestQueue } from '../support/queue.ts';
import type { Vm } from '../support/vm.ts';

const fleet = useFleet({ shared: true });
let queue: TestQueue;
let vm: Vm;

beforeAll(async () => {
  queue = new TestQueue(fleet.redis.url);
  const writer = fleet.startWriter();
  vm = await fleet.startVm('vm2');
  await writer.ready;
});
afterAll(() => queue.close());

test('an applied operation is a completed job with its receipt as return value', async () => {
  const receipt = await vm.client.store({ sessionId: 's1', filename: 'a.txt', content: 'a' });
  const job = await until(() => queue.queue.getJob(`vm2-${receipt.operationId}`), 'the job to be kept');
  await until(() => job.isCompleted(), 'the job to be completed');
  expect((await queue.queue.getJob(job.id ?? ''))?.returnvalue).toEqual(receipt);
  expect(job.name).toBe('file-store');
});

test('a refused operation is a failed job with its code and message as reason', async () => {
  const operationId = makeOperationId();
  const refused = vm.client.delete({ operationId, sessionId: 's1', fileId: makeOperationId() });
  await expect(refused).rejects.toMatchObject({ code: 'REFUSED', refusal: 'FILE_NOT_FOUND' });
  const jobId = `vm2-${operationId}`;
  await until(async () => (await queue.queue.getJobState(jobId)) === 'failed', 'the job to be failed');
  const job = await queue.queue.getJob(jobId);
  expect(job?.failedReason).toMatch(/^FILE_NOT_FOUND: \S.{10,}/);
  expect(job?.stacktrace).toEqual([]);
  expect(job?.attemptsMade).toBe(1);
});

test('an operation to be sent again leaves Redis at once, without an effect and without a trace', async () => {
  const payload = await queue.stageText('never staged');
  const { operationId } = payload;
  const staged = redisKeys().staged('vm4', operationId, 0);
  await queue.redis.del(staged);
  const kept = () => queue.queue.getJobCountByTypes('completed', 'failed');
  const before = await kept();
  const { jobId } = await queue.add('file-store', payload);
  await until(async () => (await queue.unfinished()) === 0, 'the queue to be empty');
  await until(async () => (await queue.queue.getJob(jobId)) === undefined, 'the job to be gone');
  expect(await kept()).toBe(before);
  const rowsOf = (table: string, key: string) =>
    rows(fleet.dataDir, `SELECT ${key} AS id FROM ${table} WHERE ${key} = ?`, operationId);
  expect(rowsOf('ledger', 'operation_id')).toEqual([]);
  expect(rowsOf('conversation_files', 'file_id')).toEqual([]);

  // The same id can be sent again, and then it takes effect.
  await queue.redis.set(staged, 'never staged');
  await queue.add('file-store', payload);
  await until(
    async () => (await queue.queue.getJobState(jobId)) === 'completed',
    'the second job to complete',
  );
  expect(rowsOf('conversation_files', 'file_id')).toEqual([{ id: operationId }]);
});

test('no stack trace and no path of the writer is anywhere in Redis', async () => {
  await vm.client.store({ sessionId: 's1', filename: 'large.bin', content: Buffer.alloc(300_000, 1) });
  const refused = vm.client.restore({ sessionId: 's1', fileId: makeOperationId() });
  await expect(refused).rejects.toMatchObject({ code: 'REFUSED' });
  await queue.add('no-such-operation', { operationId: makeOperationId() });
  await queue.add('file-store', await queue.stageText('x', { unknown: true }));
  await until(async () => (await queue.unfinished()) === 0, 'the queue to be empty');
  const dump = await queue.dump();
  expect(dump).toContain('FILE_NOT_FOUND');
  for (const telltale of [fleet.dataDir, fleet.folder, process.cwd(), 'node_modules', 'file://', '    at ']) {
    expect(dump).not.toContain(telltale);
  }
  expect(dump).not.toMatch(/\.ts:\d+/);
});
