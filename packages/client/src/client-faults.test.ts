// Promises that hold when answers are lost, doubled and wrong, and when Redis hangs, dies or forgets.

import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { makeOperationId } from '@filefleet/protocol';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { frozenClock, hastyClock } from '../../../tests/support/hasty-clock.ts';
import { startRedis, type TestRedis } from '../../../tests/support/redis.ts';
import { type ScriptedWriter, startScriptedWriter } from '../../../tests/support/scripted-writer.ts';
import { systemClock } from './clock.ts';
import { type Client, ClientError, type ClientOptions, createClient } from './index.ts';

let server: TestRedis;
let writer: ScriptedWriter | undefined;
let client: Client;
const sessionId = 'session-1';

async function connect(options: Partial<ClientOptions> = {}): Promise<Client> {
  return await createClient({
    redis: server.url,
    vm: 'vm5',
    clock: hastyClock(20),
    deadlineMs: 1_000_000,
    ...options,
  });
}

beforeEach(async () => {
  server = await startRedis();
  writer = await startScriptedWriter(server.url);
  client = await connect();
});
afterEach(async () => {
  await client.close();
  await writer?.close();
  await server.stop();
});

function startedWriter(): ScriptedWriter {
  if (writer === undefined) throw new Error('expected the test to have a writer');
  return writer;
}

const storeMany = (count: number, options: { sessions?: number } = {}) =>
  Promise.all(
    Array.from({ length: count }, (_, n) =>
      client.store({
        sessionId: `session-${n % (options.sessions ?? 1)}`,
        filename: `file-${n}`,
        content: `content ${n}`,
      }),
    ),
  );

async function keysOf(kind: 'staged' | 'receipts'): Promise<string[]> {
  const redis = new Redis(server.url);
  const keys = await redis.keys(`*:${kind}:*`);
  redis.disconnect();
  return keys;
}

/** All of them, each once, in call order within their session. */
function expectInOrder(receipts: { operationId: string }[], sessions = 1): void {
  const place = new Map(receipts.map(({ operationId }, n) => [operationId, n]));
  const { effects } = startedWriter();
  expect(effects).toHaveLength(receipts.length);
  for (let session = 0; session < sessions; session++) {
    const order = effects.map((id) => place.get(id) ?? -1).filter((n) => n % sessions === session);
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  }
}

describe('answers', () => {
  test('that are lost are asked for again, without a second effect', async () => {
    startedWriter().script = ({ earlier }) => (earlier === 0 ? { replies: 0 } : undefined);
    expectInOrder(await storeMany(50));
  });

  test('that are lost together with their jobs come from the ledger', async () => {
    startedWriter().script = ({ earlier }) => (earlier === 0 ? { replies: 0, vanish: true } : undefined);
    expectInOrder(await storeMany(50));
    expect(startedWriter().arrivals.length).toBeGreaterThanOrEqual(100);
    await client.writerState(); // what was sent before it is done
    expect(await keysOf('staged'), 'bytes staged for nothing').toEqual([]);
  });

  test('that come twice do no harm', async () => {
    startedWriter().script = ({ earlier }) =>
      earlier === 0 ? { resend: 'STAGE_MISSING', replies: 2 } : { replies: 2 };
    expectInOrder(await storeMany(100));
  });

  test.each(['STAGE_MISSING', 'STAGE_EXPIRED', 'STAGE_DAMAGED', 'CONTENT_MISSING', 'OUT_OF_ORDER'] as const)(
    '%s for every third arrival: all settle in order',
    async (resend) => {
      let arrivals = 0;
      startedWriter().script = () => (++arrivals % 3 === 0 ? { resend } : undefined);
      expectInOrder(await storeMany(200, { sessions: 4 }), 4);
    },
  );

  test('a lost head of a lane is found by its followers, long before any timer', async () => {
    await client.close();
    // Nothing is ever due on this clock.
    client = await connect({ clock: { nowMs: () => Date.now(), schedule: () => () => {} } });
    startedWriter().script = ({ earlier, operation: { payload } }) =>
      earlier === 0 && 'sequence' in payload && payload.sequence === 1
        ? { resend: 'OUT_OF_ORDER', replies: 0 }
        : undefined;
    expectInOrder(await storeMany(20));
    expect(startedWriter().answers.get('OUT_OF_ORDER')).toBeGreaterThan(1);
  });

  test('a writer that always wants it again is not stormed', async () => {
    startedWriter().script = () => ({ resend: 'OUT_OF_ORDER' });
    // 40 s of this clock: five prompt attempts, then after 2, 4, 8 and 16 s.
    const stored = client.store({ sessionId, filename: 'f', content: 'c', deadlineMs: 40_000 });
    await expect(stored).rejects.toMatchObject({ code: 'NOT_YET_DURABLE' });
    expect(startedWriter().arrivals.length).toBeLessThanOrEqual(10);
  });
});

describe('content that has to be sent again', () => {
  test('a stream cannot be: GIVEN_UP, and the session goes on without its number', async () => {
    startedWriter().script = ({ operation: { payload } }) =>
      'filename' in payload && payload.filename === 'stream' ? { resend: 'STAGE_EXPIRED' } : undefined;
    const first = client.store({ sessionId, filename: 'first', content: 'c' });
    const given = client.store({ sessionId, filename: 'stream', content: Readable.from(['once']) });
    const last = client.store({ sessionId, filename: 'last', content: 'c' });
    await expect(given).rejects.toMatchObject({ code: 'GIVEN_UP' });
    expect(startedWriter().effects).toEqual([(await first).operationId, (await last).operationId]);
    const error: unknown = await given.catch((cause) => cause);
    const operationId = error instanceof ClientError ? (error.operationId ?? '') : '';
    await expect(client.receipt(operationId)).rejects.toMatchObject({ code: 'GIVEN_UP' });
  });

  test('bytes that never were the client’s cannot be: GIVEN_UP, and never a question without end', async () => {
    startedWriter().script = () => ({ resend: 'CONTENT_MISSING' });
    const content = { from: 'incoming', name: randomUUID() } as const;
    const fields = { sessionId, filename: 'f', digest: 'a'.repeat(64), size: 1, content };
    await expect(client.operator.run('file-store', fields)).rejects.toMatchObject({ code: 'GIVEN_UP' });
    const sent = startedWriter().arrivals.map(({ operation }) => operation.payload);
    expect(sent).toMatchObject([{ v: 2, content, sequence: 1 }]);
  });

  test('a stream whose receipt was lost is found in the ledger', async () => {
    startedWriter().script = ({ earlier }) => (earlier === 0 ? { replies: 0, vanish: true } : undefined);
    const content = Readable.from(['once']);
    expect(await client.store({ sessionId, filename: 'f', content })).toMatchObject({ outcome: 'applied' });
    expect(startedWriter().effects).toHaveLength(1);
  });

  test('a file that changed is SOURCE_FAILED, never other bytes under the same operation', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'filefleet-client-'));
    const path = join(folder, 'file');
    await writeFile(path, 'before');
    startedWriter().script = () => {
      writeFileSync(path, 'after!');
      return { resend: 'STAGE_MISSING' };
    };
    await expect(client.store({ sessionId, filename: 'f', content: { path } })).rejects.toMatchObject({
      code: 'SOURCE_FAILED',
    });
    await rm(folder, { recursive: true });
  });
});

describe('Redis', () => {
  test('that forgets everything: all settle in order, each once', async () => {
    const redis = new Redis(server.url);
    const stored = storeMany(300, { sessions: 3 });
    await startedWriter().until(() => startedWriter().arrivals.length >= 30);
    await redis.flushall();
    redis.disconnect();
    expectInOrder(await stored, 3);
    expect(await keysOf('receipts'), 'a reply stream again').toHaveLength(1);
  });

  test('that was away for a moment: what it lost is found at once, not when it is due', async () => {
    await client.close();
    client = await connect({ clock: frozenClock() });
    const stored = storeMany(100);
    await startedWriter().until(() => startedWriter().arrivals.length >= 10);
    await server.stop();
    server = await startRedis({ port: server.port });
    expectInOrder(await stored);
  });

  test('that is killed and comes back empty: all settle in order, each once', async () => {
    const stored = storeMany(300, { sessions: 3 });
    await startedWriter().until(() => startedWriter().arrivals.length >= 30);
    await server.stop();
    server = await startRedis({ port: server.port });
    expectInOrder(await stored, 3);
  });

  test('that loses its scripts: nothing is lost', async () => {
    const redis = new Redis(server.url);
    const stored = storeMany(300);
    await startedWriter().until(() => startedWriter().arrivals.length >= 10);
    await redis.script('FLUSH');
    redis.disconnect();
    expectInOrder(await stored);
  });

  test('that is full: operations wait, and settle once there is room', async () => {
    const redis = new Redis(server.url);
    await redis.config('SET', 'maxmemory', '1');
    const stored = client.store({ sessionId, filename: 'f', content: 'c' });
    // An add that is on its way at the very moment of the deadline may have been taken: then nobody can say "never".
    await expect(
      client.rename({ sessionId: 'other', fileId: makeOperationId(), filename: 'n', deadlineMs: 4_000 }),
    ).rejects.toMatchObject({ code: expect.stringMatching(/^(REDIS_UNAVAILABLE|NOT_YET_DURABLE)$/) });
    await redis.config('SET', 'maxmemory', '0');
    redis.disconnect();
    expect(await stored).toMatchObject({ outcome: 'applied' });
  });

  test('that is away: REDIS_UNAVAILABLE at the deadline, the number is given up, and life goes on', async () => {
    await server.stop();
    const failed = client.store({ sessionId, filename: 'f', content: 'c', deadlineMs: 2_000 });
    await expect(failed).rejects.toMatchObject({
      code: 'REDIS_UNAVAILABLE',
      operationId: expect.any(String),
    });
    server = await startRedis({ port: server.port });
    await client.store({ sessionId, filename: 'f', content: 'c' });
    expect(startedWriter().arrivals[0]?.operation.payload).toMatchObject({ sequence: 2, previous: 0 });
  });

  test('that hangs: a deadline holds, and close takes about a second', async () => {
    await client.close();
    client = await connect({ clock: systemClock });
    server.pause();
    try {
      const failed = client.store({ sessionId, filename: 'f', content: 'c', deadlineMs: 100 });
      await expect(failed).rejects.toBeInstanceOf(ClientError);
      const before = performance.now();
      await client.close();
      expect(performance.now() - before).toBeLessThan(2_000);
    } finally {
      server.resume();
    }
  });

  test('that is nowhere: REDIS_UNAVAILABLE within the bound of the first connect', async () => {
    const url = server.url;
    await server.stop();
    const before = performance.now();
    const failed = createClient({ redis: url, vm: 'vm5', connectTimeoutMs: 300 });
    await expect(failed).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE', message: /ECONNREFUSED/ });
    expect(performance.now() - before).toBeLessThan(1_500);
  });
});

describe('without a writer', () => {
  test('NOT_YET_DURABLE at the deadline; the receipt comes once a writer is there', async () => {
    await startedWriter().close();
    const failed: unknown = await client
      .store({ sessionId, filename: 'f', content: 'c', deadlineMs: 2_000 })
      .catch((error) => error);
    expect(failed).toMatchObject({
      code: 'NOT_YET_DURABLE',
      spooled: false,
      operationId: expect.any(String),
    });
    const operationId = failed instanceof ClientError ? (failed.operationId ?? '') : '';
    await expect(client.receipt(operationId, { deadlineMs: 100 })).rejects.toMatchObject({
      code: 'NOT_YET_DURABLE',
    });
    const other = await connect();
    await expect(other.receipt(operationId, { deadlineMs: 100 })).rejects.toMatchObject({
      code: 'NOT_YET_DURABLE',
    });
    await other.close();
    writer = await startScriptedWriter(server.url);
    expect(await client.receipt(operationId)).toMatchObject({ operationId, outcome: 'applied' });
  });
});
