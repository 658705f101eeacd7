// A Redis that is far away: slow, cut into pieces, held up, broken off in the middle of uploads. And bytes that came past the budget.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, type ClientOptions, createClient } from '@filefleet/client';
import {
  limits,
  makeJobId,
  makeOperationId,
  redisKeys,
  stagedTtlMs,
  stagingFunctions,
} from '@filefleet/protocol';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { rows, sha256 } from '../../support/database.ts';
import { until } from '../../support/deadline.ts';
import { noise } from '../../support/files.ts';
import { useFleet } from '../../support/fleet.ts';
import { TestQueue } from '../../support/queue.ts';
import { releaseStaged, stagedBytes, stagingFiguresOf } from '../../support/staging-library.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';

const chunk = limits.chunkBytes;
const keys = redisKeys();
const fleet = useFleet();

async function clientThrough(url: string, options: Partial<ClientOptions> = {}): Promise<Client> {
  const client = await createClient({ redis: url, vm: 'vm5', deadlineMs: 30_000, ...options });
  onTestFinished(() => client.close());
  return client;
}

function connect(): Redis {
  const redis = new Redis(fleet.redis.url);
  onTestFinished(() => redis.disconnect());
  return redis;
}

const store = (client: Client, n: number, content: Buffer, deadlineMs?: number) =>
  client.store({
    sessionId: 'far',
    filename: `file-${n}`,
    content,
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  });

test('slow and in pieces: every file arrives whole and in order, and nothing stays behind', async () => {
  await fleet.startWriter().ready;
  const proxy = await startTcpProxy(fleet.redis.url, {
    delayMs: 5,
    bytesPerSecond: 8_000_000,
    pieceBytes: 7_001,
  });
  const client = await clientThrough(proxy.url);
  const contents = [3 * chunk + 1, 10, chunk, 2 * chunk, 0].map((size, n) => noise(size, `slow ${n}`));
  const receipts = await Promise.all(contents.map((content, n) => store(client, n, content)));
  expect(receipts.map(({ digest }) => digest)).toEqual(contents.map(sha256));
  const names = rows(
    fleet.dataDir,
    'SELECT original_filename AS name FROM conversation_files ORDER BY rowid',
  );
  expect(names).toEqual(contents.map((_, n) => ({ name: `file-${n}` })));
  expect(await stagedBytes(connect())).toBe(0);
});

test('held up in the middle of an upload for longer than the deadline: a typed error, and the room comes back', async () => {
  await fleet.startWriter().ready;
  const proxy = await startTcpProxy(fleet.redis.url);
  const client = await clientThrough(proxy.url);
  await store(client, 0, noise(10, 'the way is open'));
  const before = proxy.sentBytes;
  proxy.way.bytesPerSecond = 2_000_000;
  const late = store(client, 1, noise(8 * chunk, 'late'), 1_500);
  const outcome = late.catch((error: unknown) => error);
  await until(() => proxy.sentBytes > before + 2 * chunk, 'the upload to be under way');
  proxy.hold();
  expect(await outcome).toMatchObject({
    code: expect.stringMatching(/^(REDIS_UNAVAILABLE|NOT_YET_DURABLE)$/),
  });
  proxy.way.bytesPerSecond = undefined;
  proxy.release();
  const redis = connect();
  await until(async () => (await stagingFiguresOf(redis)).bytes === 0, 'its room to be given back');
  expect(await store(client, 2, noise(10, 'after it'))).toMatchObject({ outcome: 'applied' });
});

test('broken off again and again in the middle of uploads: each file once, with its bytes', async () => {
  await fleet.startWriter().ready;
  const proxy = await startTcpProxy(fleet.redis.url, { bytesPerSecond: 20_000_000, pieceBytes: 30_000 });
  const client = await clientThrough(proxy.url);
  const contents = Array.from({ length: 6 }, (_, n) => noise(4 * chunk + n, `broken ${n}`));
  const receipts = Promise.all(contents.map((content, n) => store(client, n, content)));
  for (let cuts = 0; cuts < 4; cuts++) {
    const before = proxy.sentBytes;
    await until(() => proxy.sentBytes > before + chunk, 'bytes to pass');
    proxy.cut();
  }
  expect((await receipts).map(({ digest }) => digest)).toEqual(contents.map(sha256));
  const files = rows(fleet.dataDir, 'SELECT count(*) AS files FROM conversation_files');
  expect(files).toEqual([{ files: contents.length }]);
});

test('with a spool a way that is held up costs nobody a file: accepted, and stored once when it is open', async () => {
  await fleet.startWriter().ready;
  const proxy = await startTcpProxy(fleet.redis.url);
  const folder = await mkdtemp(join(tmpdir(), 'filefleet-far-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const client = await clientThrough(proxy.url, { spool: { dir: folder } });
  proxy.hold();
  const late = await store(client, 0, noise(2 * chunk, 'spooled'), 200).catch((error: unknown) => error);
  expect(late).toMatchObject({ code: 'NOT_YET_DURABLE', spooled: true });
  const accepted = await client.enqueueStore({ sessionId: 'far', filename: 'file-1', content: 'behind it' });
  expect(accepted).toMatchObject({ acceptedBy: 'spool' });
  proxy.release();
  expect(await client.receipt(accepted.operationId)).toMatchObject({ outcome: 'applied' });
  await until(() => client.spoolStatus()?.entries === 0, 'the spool to be empty');
  const names = rows(
    fleet.dataDir,
    'SELECT original_filename AS name FROM conversation_files ORDER BY rowid',
  );
  expect(names).toEqual([{ name: 'file-0' }, { name: 'file-1' }]);
});

test('bytes that an agent puts past a budget that is used up are answered STAGE_UNRESERVED, and dropped', async () => {
  const totalBytes = 1_048_576;
  await fleet.startWriter({ FILEFLEET_STAGED_TOTAL_BYTES: String(totalBytes) }).ready;
  const queue = new TestQueue(fleet.redis.url);
  onTestFinished(() => queue.close());
  const { redis } = queue;
  const holders = ['vm1', 'vm2'].map((vm) => ({ vm, operationId: makeOperationId() }));
  for (const { vm, operationId } of holders) {
    const half = totalBytes / 2;
    const reply = await redis.fcall(
      stagingFunctions.reserve,
      1,
      keys.staging,
      vm,
      operationId,
      half,
      stagedTtlMs.uploading,
    );
    expect((reply as number[])[0]).toBe(1);
  }
  const state = async () => JSON.parse((await redis.hget(keys.writer, 'state')) ?? '{}');
  await until(
    async () => (await state()).pressure === 'memory',
    'the writer to see that the budget is used up',
  );
  const job = await queue.stageText('past the budget');
  await redis.xadd(keys.receipts('vm4', producer), '*', 'hello', '1');
  await queue.add('file-store', { ...job, producer } as never);
  const answer = async () => {
    const entries = await redis.xrange(keys.receipts('vm4', producer), '-', '+');
    const json = entries.flatMap(([, fields]) => (fields[0] === 'answer' ? [fields[1] ?? ''] : [])).at(-1);
    return json === undefined ? undefined : JSON.parse(json);
  };
  await until(async () => (await answer()) !== undefined, 'an answer');
  expect(await answer()).toMatchObject({
    operationId: job.operationId,
    outcome: 'resend',
    code: 'STAGE_UNRESERVED',
  });
  expect(await redis.exists(keys.staged('vm4', job.operationId, 0))).toBe(0);
  for (const { vm, operationId } of holders) await releaseStaged(redis, vm, operationId, 1);
  await until(async () => (await state()).pressure === 'none', 'room');
  await redis.set(keys.staged('vm4', job.operationId, 0), 'past the budget');
  await queue.add('file-store', { ...job, producer } as never, {
    jobId: `${makeJobId('vm4', job.operationId)}-1`,
  });
  await until(async () => (await answer())?.outcome === 'applied', 'its receipt');
});

const producer = '3f1c2a44-0b7e-4c7e-9d55-0d2f0a6b1c01';
