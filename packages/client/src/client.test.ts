import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { makeOperationId, redisKeys, stagedTtlMs } from '@filefleet/protocol';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startRedis, type TestRedis } from '../../../tests/support/redis.ts';
import { type ScriptedWriter, startScriptedWriter } from '../../../tests/support/scripted-writer.ts';
import { type Client, createClient } from './index.ts';

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
  expect(await redis.keys('*receipts*'), 'reply streams left behind').toEqual([]);
});

const sessionId = 'session-1';
const storeText = (filename: string, content: string) => client.store({ sessionId, filename, content });

describe('content', () => {
  const bytes = randomBytes(700_000);

  test('bytes, text, files and streams arrive as they were', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'filefleet-client-'));
    const path = join(folder, 'file.bin');
    await writeFile(path, bytes);
    const pieces = async function* () {
      for (let at = 0; at < bytes.length; at += 100_001) yield bytes.subarray(at, at + 100_001);
    };
    const contents = {
      buffer: [bytes, bytes],
      text: ['hällo', Buffer.from('hällo')],
      path: [{ path }, bytes],
      readable: [Readable.from(pieces()), bytes],
      iterable: [pieces(), bytes],
      empty: [new Uint8Array(0), Buffer.alloc(0)],
      exactlyOneChunk: [Readable.from([bytes.subarray(0, 262_144)]), bytes.subarray(0, 262_144)],
    } as const;
    try {
      for (const [filename, [content, expected]] of Object.entries(contents)) {
        const receipt = await client.store({ sessionId, filename, content });
        expect(writer.contents.get(receipt.operationId)?.equals(expected), filename).toBe(true);
        expect(receipt).toMatchObject({
          outcome: 'applied',
          fileId: receipt.operationId,
          size: expected.length,
        });
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

test('2,000 stores at once settle in call order', async () => {
  const receipts = await Promise.all(
    Array.from({ length: 2000 }, (_, n) => storeText(`file-${n}`, `content ${n}`)),
  );
  expect(writer.effects).toEqual(receipts.map((receipt) => receipt.operationId));
});
void makeOperationId;
void redisKeys;
void stagedTtlMs;
