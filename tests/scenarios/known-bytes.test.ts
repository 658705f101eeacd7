// Bytes that the writer holds are not sent again; that it seems to hold them is believed, not trusted.

import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type Client, createClient } from '@filefleet/client';
import { limits, redisKeys } from '@filefleet/protocol';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { rows, sha256, storedBytes, value } from '../support/database.ts';
import { useFleet } from '../support/fleet.ts';
import { stagingFiguresOf } from '../support/staging-library.ts';

const fleet = useFleet();
const keys = redisKeys();
const bytes = randomBytes(8 * limits.chunkBytes + 1);
const digest = sha256(bytes);
const nothing = { bytes: 0, operations: 0, waiting: 0, orphanedOperations: 0, unreservedOperations: 0 };

let redis: Redis;
let path: string;
const clients: Client[] = [];

beforeEach(async () => {
  redis = new Redis(fleet.redis.url);
  path = join(fleet.folder, 'content');
  await writeFile(path, bytes);
});

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  redis.disconnect();
});

async function connect(vm = 'vm5') {
  const client = await createClient({ redis: fleet.redis.url, vm });
  clients.push(client);
  return client;
}

/** Bytes that Redis was sent by everybody meanwhile. */
async function sentMeanwhile(work: () => Promise<unknown>): Promise<number> {
  const sent = async () => Number(/total_net_input_bytes:(\d+)/.exec(await redis.info('stats'))?.[1]);
  const before = await sent();
  await work();
  return (await sent()) - before;
}

test('content of a path or a buffer is sent once, by whichever VM, and never again', async () => {
  const [one, other] = await Promise.all([connect('vm5'), connect('vm2'), fleet.startWriter().ready]);
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
  expect(value(fleet.dataDir, 'SELECT count(*) FROM blobs')).toBe(1);
  expect(value(fleet.dataDir, 'SELECT count(*) FROM conversation_files')).toBe(3);
  expect(await stagingFiguresOf(redis)).toMatchObject(nothing);
});

test('streams, and what is only enqueued, are always sent', async () => {
  const [client] = await Promise.all([connect(), fleet.startWriter().ready]);
  await client.store({ sessionId: 'a', filename: 'f', content: bytes });
  const stream = () => client.store({ sessionId: 'b', filename: 'f', content: Readable.from([bytes]) });
  expect(await sentMeanwhile(stream)).toBeGreaterThan(bytes.byteLength);
  const enqueue = async () => {
    const { operationId } = await client.enqueueStore({ sessionId: 'c', filename: 'f', content: bytes });
    await client.receipt(operationId);
  };
  expect(await sentMeanwhile(enqueue)).toBeGreaterThan(bytes.byteLength);
});

test('a stale marker heals: missed, sent after all, the same operation, and in order with what came after', async () => {
  const writer = fleet.startWriter();
  const [client] = await Promise.all([connect(), writer.ready]);
  await redis.zadd(keys.known, Date.now() + 60_000, digest);
  const receipts = await Promise.all([
    client.store({ sessionId: 's', filename: 'first', content: { path } }),
    client.store({ sessionId: 's', filename: 'second', content: 'small' }),
    client.store({ sessionId: 's', filename: 'third', content: Readable.from([randomBytes(300_000)]) }),
  ]);
  const [first] = receipts;
  const resent = await writer.waitForEvent('operation.resent');
  expect(resent).toMatchObject({ code: 'CONTENT_MISSING', operationId: first?.operationId });
  expect(storedBytes(fleet.dataDir, first?.operationId ?? '').equals(bytes)).toBe(true);
  const inOrder = rows<{ name: string }>(
    fleet.dataDir,
    'SELECT original_filename AS name FROM conversation_files ORDER BY rowid',
  );
  expect(inOrder.map(({ name }) => name)).toEqual(['first', 'second', 'third']);
  expect(await redis.zscore(keys.known, digest)).not.toBeNull();
  expect(await stagingFiguresOf(redis)).toMatchObject(nothing);
});
