// Many files at once: by one call of storeMany, and by as many calls of store.

import { makeOperationId, redisKeys } from '@filefleet/protocol';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { until } from '../../../tests/support/deadline.ts';
import { isFull } from '../../../tests/support/full-forms.ts';
import { startRedis, type TestRedis } from '../../../tests/support/redis.ts';
import { type ScriptedWriter, startScriptedWriter } from '../../../tests/support/scripted-writer.ts';
import { type Client, createClient, type StoreRequest } from './index.ts';

let server: TestRedis;
let redis: Redis;
let writer: ScriptedWriter;
let client: Client;

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(async () => {
  await redis.flushall();
  writer = await startScriptedWriter(server.url);
  client = await createClient({ redis: server.url, vm: 'vm5', actor: 'agent' });
});
afterEach(async () => {
  await client.close();
  await writer.close();
});

const fileOf = (n: number, operationId = makeOperationId()): StoreRequest => ({
  sessionId: `session-${n % 7}`,
  filename: `file-${n}`,
  content: `content ${n}`,
  operationId,
});
const filesOf = (count: number) => Array.from({ length: count }, (_, n) => fileOf(n));
const codeOf = (result: PromiseSettledResult<unknown>) =>
  result.status === 'rejected' ? result.reason.code : result.status;

test('gives one result per request, at its place; a bad one hurts no other', async () => {
  const requests: StoreRequest[] = filesOf(50);
  requests[10] = { ...fileOf(10), filename: '' };
  requests[20] = { ...fileOf(20), content: { path: '/nowhere/at/all' } };
  requests[30] = undefined as never;
  const results = await client.storeMany(requests);
  expect(results).toHaveLength(50);
  for (const [index, result] of results.entries()) {
    const { operationId } = requests[index] ?? {};
    if (index === 10) expect(codeOf(result)).toBe('INVALID');
    else if (index === 20) expect(codeOf(result)).toBe('SOURCE_FAILED');
    else if (index === 30) expect(result.status).toBe('rejected');
    else expect(result).toMatchObject({ status: 'fulfilled', value: { operationId, fileId: operationId } });
  }
});

test('files of one session take effect in the order in which they were given', async () => {
  const files = filesOf(300);
  await client.storeMany(files);
  for (let session = 0; session < 7; session++) {
    const given = files.filter((_, n) => n % 7 === session).map(({ operationId }) => operationId);
    expect(writer.effects.filter((id) => given.includes(id))).toEqual(given);
  }
});

test('takes no more from a generator than may be under way, and goes on when there is room', async () => {
  await writer.close(); // nothing settles
  let given = 0;
  async function* files() {
    for (; given < 1_500; ) yield fileOf(given++);
  }
  const stored = client.storeMany(files());
  const queued = () => redis.llen(`${redisKeys().prefix}:operations:wait`);
  await until(async () => (await queued()) === 1_024, 'as many in the queue as may be under way');
  expect(given).toBe(1_025); // one is held until there is room
  writer = await startScriptedWriter(server.url);
  const results = await stored;
  expect(given).toBe(1_500);
  expect(new Set(results.map(({ status }) => status))).toEqual(new Set(['fulfilled']));
});

test('holds no more than 64 MiB of contents', async () => {
  await writer.close();
  let given = 0;
  function* files() {
    for (; given < 100; given++) yield { ...fileOf(given), content: Buffer.alloc(4 * 1024 ** 2) };
  }
  const stored = client.storeMany(files());
  await until(() => given === 16, '64 MiB to be taken');
  await client.close();
  expect(new Set((await stored).map(codeOf))).toEqual(new Set(['CLIENT_CLOSED']));
  expect(given).toBeLessThan(20); // a closed client takes no more
});

test('what the source throws is thrown when all it gave before has ended', async () => {
  function* files() {
    yield* filesOf(20);
    throw new Error('the camera fell down');
  }
  await expect(client.storeMany(files())).rejects.toThrow('the camera fell down');
  expect(writer.effects).toHaveLength(20);
});

const manyStores = isFull ? 10_000 : 2_000;

test('thousands of stores at once settle over two connections, one of which blocks, without a warning', async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => warnings.push(warning);
  process.on('warning', onWarning);
  const before = await connectionIds();
  const other = await createClient({ redis: server.url, vm: 'vm5' });
  const stored = Promise.all(
    filesOf(manyStores).map((file) => other.store({ ...file, deadlineMs: 120_000 })),
  );
  await writer.until(() => writer.effects.length > manyStores / 5);
  const own = (await connections()).filter(({ id }) => !before.has(id));
  expect(own.map(({ command }) => command).filter((command) => command === 'xread')).toHaveLength(1);
  expect(own).toHaveLength(2);
  const ids = (await stored).map(({ operationId }) => operationId);
  expect(new Set(ids).size).toBe(manyStores);
  expect(new Set(writer.effects).size).toBe(manyStores);
  await other.close();
  process.off('warning', onWarning);
  expect(warnings).toEqual([]);
}, 60_000);

async function connections(): Promise<{ id: string; command: string }[]> {
  const lines = String(await redis.client('LIST'))
    .trim()
    .split('\n');
  return lines.map((line) => {
    const [, id = ''] = /\bid=(\d+)/.exec(line) ?? [];
    const [, command = ''] = /\bcmd=(\S+)/.exec(line) ?? [];
    return { id, command };
  });
}

async function connectionIds(): Promise<Set<string>> {
  return new Set((await connections()).map(({ id }) => id));
}
