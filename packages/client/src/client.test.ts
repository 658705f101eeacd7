import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { limits, makeOperationId, redisKeys, stagedTtlMs } from '@filefleet/protocol';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { frozenClock } from '../../../tests/support/hasty-clock.ts';
import { startRedis, type TestRedis } from '../../../tests/support/redis.ts';
import { type ScriptedWriter, startScriptedWriter } from '../../../tests/support/scripted-writer.ts';
import { type Client, createClient } from './index.ts';

let server: TestRedis;
let redis: Redis;
let writer: ScriptedWriter;
let client: Client;
const keys = redisKeys();
const sessionId = 'session-1';

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
  expect(await redis.keys('*receipts*'), 'reply streams left behind').toEqual([]);
});

const storeText = (filename: string, content: string, operationId?: string) =>
  client.store({ sessionId, filename, content, ...(operationId && { operationId }) });

describe('content', () => {
  const bytes = randomBytes(700_000);

  test('bytes, text, files and streams arrive as they were', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'filefleet-client-'));
    const path = join(folder, 'file.bin');
    await writeFile(path, bytes);
    const pieces = async function* () {
      for (let at = 0; at < bytes.length; at += 100_001) yield bytes.subarray(at, at + 100_001);
    };
    const oneChunk = bytes.subarray(0, limits.chunkBytes);
    const contents = {
      buffer: [bytes, bytes],
      text: ['hällo', Buffer.from('hällo')],
      path: [{ path }, bytes],
      readable: [Readable.from(pieces()), bytes],
      iterable: [pieces(), bytes],
      empty: [new Uint8Array(0), Buffer.alloc(0)],
      'exactly one chunk': [Readable.from([oneChunk]), oneChunk],
    } as const;
    try {
      for (const [filename, [content, expected]] of Object.entries(contents)) {
        const receipt = await client.store({ sessionId, filename, content });
        expect(writer.contents.get(receipt.operationId)?.equals(expected), filename).toBe(true);
        expect(receipt).toMatchObject({ fileId: receipt.operationId, size: expected.length });
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('chunks of a stream have the long TTL before their job is there, whatever their number', async () => {
    const ttls: Promise<number>[] = [];
    writer.script = ({ operation: { name, payload } }) => {
      if (name !== 'file-store' || payload.content.from !== 'staged') return undefined;
      for (let n = 0; n < payload.content.chunks; n++) {
        ttls.push(redis.pttl(keys.staged(payload.vm, payload.operationId, n)));
      }
      return { resend: 'CONTENT_MISSING', replies: 0 };
    };
    for (const size of [10, limits.chunkBytes, 3 * limits.chunkBytes]) {
      const content = Readable.from([randomBytes(size)]);
      await client.enqueueStore({ sessionId: `of ${size}`, filename: 'f', content });
    }
    await writer.until(() => writer.arrivals.length === 3);
    const found = await Promise.all(ttls);
    expect(found).toHaveLength(5);
    expect(Math.min(...found)).toBeGreaterThan(stagedTtlMs.queued - 60_000);
  });

  test('a long stream is read no faster than Redis takes it', async () => {
    let pulled = 0;
    let staged = 0;
    let ahead = 0;
    const pieces = async function* () {
      for (; pulled < 16 * 1024 * 1024; pulled += limits.chunkBytes) {
        ahead = Math.max(ahead, pulled - staged);
        yield Buffer.alloc(limits.chunkBytes, pulled % 251);
      }
    };
    const onProgress = ({ stagedBytes }: { stagedBytes: number }) => {
      staged = stagedBytes;
    };
    await client.store({ sessionId, filename: 'long', content: pieces(), onProgress });
    expect(staged).toBe(pulled);
    expect(ahead).toBeLessThanOrEqual(6 * limits.chunkBytes);
  });

  test('a source that fails gives its number up, and the session goes on', async () => {
    const broken = async function* () {
      yield 'some';
      throw new Error('the camera is gone');
    };
    const failed = client.store({ sessionId, filename: 'broken', content: broken() });
    const next = storeText('next', 'text');
    await expect(failed).rejects.toMatchObject({ code: 'SOURCE_FAILED', message: /camera/ });
    expect(await next).toMatchObject({ outcome: 'applied' });
    expect(writer.arrivals[0]?.operation.payload).toMatchObject({ sequence: 2, previous: 0 });
    expect(await redis.keys(`${keys.prefix}:staged:*`)).toEqual([]);
  });

  test.each([
    ['missing', { path: '/does/not/exist' }],
    ['folder', { path: tmpdir() }],
    ['object mode', Readable.from([{ an: 'object' }])],
  ])('%s: SOURCE_FAILED', async (_name, content) => {
    await expect(client.store({ sessionId, filename: 'f', content })).rejects.toMatchObject({
      code: 'SOURCE_FAILED',
    });
  });

  test('too much of it is INVALID, and leaves nothing behind', async () => {
    const endless = async function* () {
      for (const chunk = Buffer.alloc(1024 * 1024); ; ) yield chunk;
    };
    await expect(client.store({ sessionId, filename: 'f', content: endless() })).rejects.toMatchObject({
      code: 'INVALID',
      field: 'content',
    });
    await storeText('next', 'text');
    expect(await redis.keys(`${keys.prefix}:staged:*`)).toEqual([]);
  });

  test('a stream that stands still is let go at the deadline', async () => {
    const content = new Readable({ read() {} });
    await expect(client.store({ sessionId, filename: 'f', content, deadlineMs: 50 })).rejects.toMatchObject({
      code: 'SOURCE_FAILED',
      message: /deadline/,
    });
    expect(content.destroyed).toBe(true);
  });
});

describe('order', () => {
  test('1,000 stores at once take effect in the order of their calls', async () => {
    const receipts = await Promise.all(
      Array.from({ length: 1000 }, (_, n) => storeText(`file-${n}`, `content ${n}`)),
    );
    expect(writer.effects).toEqual(receipts.map((receipt) => receipt.operationId));
  });

  test('a small operation does not overtake a large one of its session, but those of other sessions', async () => {
    const large = client.store({ sessionId, filename: 'large', content: randomBytes(4_000_000) });
    const behind = client.rename({ sessionId, fileId: makeOperationId(), filename: 'n' });
    const aside = client.rename({ sessionId: 'other', fileId: makeOperationId(), filename: 'n' });
    const receipts = await Promise.all([aside, large, behind]);
    expect(writer.effects).toEqual(receipts.map((receipt) => receipt.operationId));
  });
});

describe('operations', () => {
  test('each method sends its own operation', async () => {
    const fileId = makeOperationId();
    await client.initialize();
    await client.rename({ sessionId, fileId, filename: 'new' });
    await client.annotate({ sessionId, fileId, metadata: { width: '1', height: null } });
    await client.link({ sessionId, fileId, toSessionId: 'other', messageId: 'm' });
    await client.copy({ sessionId, fileId, toSessionId: 'other' });
    await client.delete({ sessionId, fileId, reason: 'r', actor: 'somebody' });
    await client.restore({ sessionId, fileId });
    await client.purge({ sessionId, fileId });
    await client.endSession({ sessionId });
    await client.cleanupSession({ sessionId, mode: 'soft' });
    await client.restoreSession({ sessionId });
    await client.recordAccess([{ fileId, accessType: 'view', atMs: 1 }]);
    const names = writer.arrivals.map(({ operation }) => operation.name);
    expect(names).toEqual([
      'store-initialize',
      'file-rename',
      'file-annotate',
      'file-link',
      'file-copy',
      'file-delete',
      'file-restore',
      'file-purge',
      'session-end',
      'session-cleanup',
      'session-restore',
      'access-record',
    ]);
    expect(writer.arrivals[0]?.operation.payload).toMatchObject({ vm: 'vm5', actor: 'agent' });
    expect(writer.arrivals[5]?.operation.payload).toMatchObject({ actor: 'somebody', reason: 'r' });
  });

  test('what the protocol refuses is INVALID with its field, and nothing is numbered or sent', async () => {
    await expect(storeText('', 'text')).rejects.toMatchObject({ code: 'INVALID', field: 'filename' });
    await expect(storeText('f', 'text', 'not-an-id')).rejects.toMatchObject({ field: 'operationId' });
    const metadata = { width: 1 } as unknown as Record<string, string>;
    await expect(client.store({ sessionId, filename: 'f', content: 'c', metadata })).rejects.toMatchObject({
      field: 'metadata.width',
      message: /String\(\).*nothing was sent/,
    });
    const content = 5 as unknown as string;
    await expect(client.store({ sessionId, filename: 'f', content })).rejects.toMatchObject({
      field: 'content',
    });
    await expect(
      client.store({ sessionId, filename: 'f', content: 'c', colour: 1 } as never),
    ).rejects.toMatchObject({
      field: 'colour',
    });
    await storeText('good', 'text');
    expect(writer.arrivals).toHaveLength(1);
    expect(writer.arrivals[0]?.operation.payload).toMatchObject({ sequence: 1, previous: 0 });
  });

  test('a refusal rejects with its receipt', async () => {
    const operationId = makeOperationId();
    await storeText('a', 'text', operationId);
    await expect(storeText('a', 'other text', operationId)).rejects.toMatchObject({
      code: 'REFUSED',
      operationId,
      refusal: 'CONFLICT',
      receipt: { outcome: 'refused', code: 'CONFLICT' },
    });
  });

  test('an operation id used again, by this or another client, gets the first receipt', async () => {
    const operationId = makeOperationId();
    const first = await storeText('a', 'text', operationId);
    expect(await storeText('a', 'text', operationId)).toEqual(first);
    // It does not wait until its add, swallowed by the first job, is due to be asked for again.
    const clock = frozenClock();
    const other = await createClient({ redis: server.url, vm: 'vm5', actor: 'agent', clock });
    const request = { sessionId, filename: 'a', content: 'text', operationId };
    expect(await other.store(request)).toEqual(first);
    await other.close();
    expect(writer.effects).toEqual([operationId]);
  });

  test('an operation id that is under way is not taken twice', async () => {
    const operationId = makeOperationId();
    const first = storeText('a', 'text', operationId);
    await expect(storeText('a', 'text', operationId)).rejects.toMatchObject({ field: 'operationId' });
    await first;
  });
});

describe('receipts', () => {
  test('of own operations, under way and past', async () => {
    const { operationId } = await client.enqueueStore({ sessionId, filename: 'f', content: 'c' });
    const receipt = await client.receipt(operationId);
    expect(receipt).toMatchObject({ operationId, outcome: 'applied' });
    expect(await client.receipt(operationId)).toEqual(receipt);
  });

  test("of another process's operations, from what Redis still holds of them", async () => {
    const receipt = await storeText('a', 'text');
    const refused = makeOperationId();
    await storeText('b', 'text', refused);
    await storeText('b', 'other', refused).catch(() => {});
    const other = await createClient({ redis: server.url, vm: 'vm5' });
    expect(await other.receipt(receipt.operationId)).toEqual(receipt);
    expect(await other.receipt(refused)).toMatchObject({ outcome: 'applied' });
    await expect(other.receipt(makeOperationId())).rejects.toMatchObject({ code: 'UNKNOWN_OPERATION' });
    await expect(other.receipt('x')).rejects.toMatchObject({ code: 'INVALID', field: 'operationId' });
    await other.close();
  });

  test('the reply stream stays short and has a TTL', async () => {
    await Promise.all(Array.from({ length: 1000 }, (_, n) => storeText(`file-${n}`, 'c')));
    const [stream = ''] = await redis.keys('*receipts*');
    expect(await redis.xlen(stream)).toBeLessThan(600);
    expect(await redis.pttl(stream)).toBeGreaterThan(60_000);
  });
});
