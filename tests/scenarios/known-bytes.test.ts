// Bytes that the writer holds are not sent again; that it seems to hold them is believed, not trusted.

import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type Client, createClient } from '@filefleet/client';
import { limits, redisKeys } from '@filefleet/protocol';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { rows, sha256, storedBytes, value } from '../support/database.ts';
import { useFleet } from '../support/fleet.ts';
import { stagingFiguresOf } from '../support/staging-library.ts';
import type { WriterProcess } from '../support/writer.ts';

const fleet = useFleet({ shared: true });
const keys = redisKeys();
const nothing = { bytes: 0, operations: 0, waiting: 0, orphanedOperations: 0, unreservedOperations: 0 };

let redis: Redis;
let writer: WriterProcess;
let one: Client;
let other: Client;
/** Of each test: content that no other has seen. */
let bytes: Buffer;
let digest: string;
let path: string;

beforeAll(async () => {
  redis = new Redis(fleet.redis.url);
  writer = fleet.startWriter();
  const connect = (vm: string) => createClient({ redis: fleet.redis.url, vm });
  [one, other] = await Promise.all([connect('vm5'), connect('vm2'), writer.ready]);
});
afterAll(async () => {
  await Promise.all([one?.close(), other?.close()]);
  redis.disconnect();
});
beforeEach(async () => {
  bytes = randomBytes(8 * limits.chunkBytes + 1);
  digest = sha256(bytes);
  path = join(fleet.folder, 'content');
  await writeFile(path, bytes);
});

/** Bytes that Redis was sent by everybody meanwhile. */
async function sentMeanwhile(work: () => Promise<unknown>): Promise<number> {
  const sent = async () => Number(/total_net_input_bytes:(\d+)/.exec(await redis.info('stats'))?.[1]);
  const before = await sent();
  await work();
  return (await sent()) - before;
}

test('content of a path or a buffer is sent once, by whichever VM, and never again', async () => {
  const store = (client: typeof one, sessionId: string, content: { path: string } | Buffer) =>
    client.store({ sessionId, filename: 'f', content });
  expect(await sentMeanwhile(() => store(one, 'a', { path }))).toBeGreaterThan(bytes.byteLength);
  for (const [sessionId, client, content] of [
    ['b', one, { path }],
    ['c', other, bytes],
  ] as const) {
    const sent = await sentMeanwhile(async () => {
      expect(await store(client, sessionId, content)).toMatchObject({ digest, deduplicated: true });
    });
    expect(sent).toBeLessThan(limits.chunkBytes / 4); // the operation, and the heartbeats of everybody
  }
  const count = (table: string, key: string) =>
    value(fleet.dataDir, `SELECT count(*) FROM ${table} WHERE ${key} = ?`, digest);
  expect(count('blobs', 'digest')).toBe(1);
  expect(count('conversation_files', 'file_hash')).toBe(3);
  expect(await stagingFiguresOf(redis)).toMatchObject(nothing);
});

test('streams, and what is only enqueued, are always sent', async () => {
  await one.store({ sessionId: 'a', filename: 'f', content: bytes });
  const stream = () => one.store({ sessionId: 'b', filename: 'f', content: Readable.from([bytes]) });
  expect(await sentMeanwhile(stream)).toBeGreaterThan(bytes.byteLength);
  const enqueue = async () => {
    const { operationId } = await one.enqueueStore({ sessionId: 'c', filename: 'f', content: bytes });
    await one.receipt(operationId);
  };
  expect(await sentMeanwhile(enqueue)).toBeGreaterThan(bytes.byteLength);
});

test('a stale marker heals: missed, sent after all, the same operation, and in order with what came after', async () => {
  await redis.zadd(keys.known, Date.now() + 60_000, digest);
  const receipts = await Promise.all([
    one.store({ sessionId: 's', filename: 'first', content: { path } }),
    one.store({ sessionId: 's', filename: 'second', content: 'small' }),
    one.store({ sessionId: 's', filename: 'third', content: Readable.from([randomBytes(300_000)]) }),
  ]);
  const [first] = receipts;
  const resent = await writer.waitForEvent(
    'operation.resent',
    (line) => line.operationId === first?.operationId,
  );
  expect(resent).toMatchObject({ code: 'CONTENT_MISSING' });
  expect(storedBytes(fleet.dataDir, first?.operationId ?? '').equals(bytes)).toBe(true);
  const inOrder = rows<{ name: string }>(
    fleet.dataDir,
    "SELECT original_filename AS name FROM conversation_files WHERE session_id = 's' ORDER BY rowid",
  );
  expect(inOrder.map(({ name }) => name)).toEqual(['first', 'second', 'third']);
  expect(await redis.zscore(keys.known, digest)).not.toBeNull();
  expect(await stagingFiguresOf(redis)).toMatchObject(nothing);
});
