import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { limits, redisKeys } from '@filefleet/protocol';
import { blobsDir, incomingDir } from '@filefleet/store';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { noise, pngFile } from '../../../tests/support/files.ts';
import { startRedis, type TestRedis } from '../../../tests/support/redis.ts';
import {
  chunkKey,
  openDesk,
  promiseStore,
  type StorePayload,
  stageBytes,
  stageStore,
} from '../../../tests/support/staging.ts';
import { chunkLines } from './chunk-lines.ts';
import { type ContentOptions, ContentStage, largeAtOnce } from './content.ts';
import type { EventName } from './events.ts';
import { IncomingFiles } from './incoming.ts';
import { readStagedChunks } from './staged-chunks.ts';

const keys = redisKeys();
const nowMs = 2_000_000_000_000;
const large = noise(limits.chunkBytes * 2 + 1_000, 'large');
const small = Buffer.from('small enough for the database');
let server: TestRedis;
let redis: Redis;
let lines: ReturnType<typeof chunkLines>;

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
  lines = chunkLines(redis, largeAtOnce);
});
afterAll(async () => {
  lines.close();
  redis.disconnect();
  await server.stop();
});
beforeEach(async () => {
  await redis.flushall();
});

/** A stage over a real data folder; every test ends without a temp file. */
async function makeStage(overrides: Partial<ContentOptions> = {}) {
  const { dataDir, desk } = await openDesk();
  const reads: string[] = [];
  const events: [EventName, object][] = [];
  const read = readStagedChunks(redis);
  const stage = new ContentStage({
    desk,
    readChunk: (key, maxBytes) => {
      reads.push(key);
      return read(key, maxBytes);
    },
    pourChunks: (pouring) => {
      reads.push(...pouring.keys);
      return lines.pour(pouring);
    },
    incoming: new IncomingFiles(incomingDir(dataDir), () => undefined),
    keys,
    limits,
    disk: { pressure: 'none', whenRoom: async () => undefined, noteFull: async () => undefined },
    emit: (event, facts) => void events.push([event, facts]),
    clock: { nowMs: () => nowMs },
    ...overrides,
  });
  return { stage, dataDir, reads, events };
}

const filesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());

describe('bytes that are what was promised', () => {
  test('small ones stay in memory', async () => {
    const { stage, dataDir } = await makeStage();
    const content = await stage.prepare(await stageStore(redis, small));
    expect(content).toEqual({ kind: 'inline', bytes: small, mimeType: null });
    expect(filesIn(blobsDir(dataDir))).toEqual([]);
  });

  test('large ones are a file, whole, with what type they are', async () => {
    const { stage, dataDir, events } = await makeStage();
    const { bytes } = pngFile('shot.png', 300, 200);
    const content = await stage.prepare(await stageStore(redis, bytes));
    expect(content).toMatchObject({ kind: 'file', mimeType: 'image/png' });
    const name = content?.kind === 'file' ? content.name : '';
    expect(readFileSync(join(blobsDir(dataDir), name)).equals(bytes)).toBe(true);
    expect(events.map(([event]) => event)).toEqual(['content.kept']);
  });

  test('none at all are bytes, too', async () => {
    const { stage, reads } = await makeStage();
    const content = await stage.prepare(promiseStore(Buffer.alloc(0)));
    expect(content).toEqual({ kind: 'inline', bytes: Buffer.alloc(0), mimeType: null });
    expect(reads).toEqual([]);
  });

  test('a large file that no row came to name is removed again', async () => {
    const { stage, dataDir } = await makeStage();
    await stage.discard(await stage.prepare(await stageStore(redis, large)));
    expect(filesIn(blobsDir(dataDir))).toEqual([]);
  });
});

describe('chunks that are not there', () => {
  const spoils: [string, (payload: StorePayload) => Promise<unknown>][] = [
    ['the first', (payload) => redis.del(chunkKey(payload, 0))],
    ['the last', (payload) => redis.del(chunkKey(payload, 2))],
    [
      'one of another type',
      async (payload) => {
        await redis.del(chunkKey(payload, 1));
        await redis.lpush(chunkKey(payload, 1), 'x');
      },
    ],
    ['an empty one', (payload) => redis.set(chunkKey(payload, 1), '')],
  ];
  test.each(spoils)('%s: to be staged again', async (_what, spoil) => {
    const { stage, dataDir } = await makeStage();
    const payload = await stageStore(redis, large);
    await spoil(payload);
    expect(await stage.prepare(payload)).toEqual({ kind: 'unavailable', code: 'STAGE_MISSING' });
    expect(filesIn(blobsDir(dataDir))).toEqual([]);
  });

  test('for long: expired', async () => {
    const { stage } = await makeStage();
    for (const [expiresAtMs, code] of [
      [nowMs, 'STAGE_EXPIRED'],
      [nowMs + 1, 'STAGE_MISSING'],
    ] as const) {
      expect(await stage.prepare(promiseStore(large, { expiresAtMs }))).toEqual({
        kind: 'unavailable',
        code,
      });
    }
  });

  test('because a few bytes were promised in 256 of them: nothing is fetched in vain', async () => {
    const { stage, reads } = await makeStage();
    const payload = promiseStore(small, { chunks: 256 });
    await stageBytes(redis, payload, small);
    expect(await stage.prepare(payload)).toEqual({ kind: 'unavailable', code: 'STAGE_MISSING' });
    expect(reads).toHaveLength(2);
  });
});

describe('bytes that are damaged', () => {
  const spoils: [string, (payload: StorePayload) => Promise<unknown>][] = [
    ['cut', (payload) => redis.set(chunkKey(payload, 2), large.subarray(0, 10))],
    [
      'swapped',
      async (payload) => {
        await redis.rename(chunkKey(payload, 0), '{x}');
        await redis.rename(chunkKey(payload, 1), chunkKey(payload, 0));
        await redis.rename('{x}', chunkKey(payload, 1));
      },
    ],
    ['doubled', (payload) => redis.append(chunkKey(payload, 2), large.subarray(-1_000))],
    [
      'changed in one bit',
      (payload) =>
        redis.setbit(chunkKey(payload, 1), 77, 1 - (((large[limits.chunkBytes + 9] ?? 0) >> 2) & 1)),
    ],
    ['one chunk too large', (payload) => redis.append(chunkKey(payload, 0), 'x')],
  ];
  test.each(spoils)('%s: to be staged again, and refused the third time', async (_what, spoil) => {
    const { stage, dataDir } = await makeStage();
    const payload = await stageStore(redis, large);
    await spoil(payload);
    const contents = [];
    for (const _ of [1, 2, 3, 4]) contents.push(await stage.prepare(payload));
    const again = { kind: 'unavailable', code: 'STAGE_DAMAGED' };
    expect(contents).toEqual([again, again, { kind: 'damaged' }, again]);
    expect(filesIn(blobsDir(dataDir))).toEqual([]);
  });

  test('with a chunk more than the bytes need', async () => {
    const { stage } = await makeStage();
    const payload = promiseStore(small, { chunks: 2 });
    await stageBytes(redis, payload, small);
    await redis.set(chunkKey(payload, 1), 'surplus');
    expect(await stage.prepare(payload)).toEqual({ kind: 'unavailable', code: 'STAGE_DAMAGED' });
  });

  test('an endless chunk is cut: no more of it leaves Redis than a chunk may have', async () => {
    const { stage } = await makeStage();
    const payload = promiseStore(large);
    await redis.setrange(chunkKey(payload, 0), 64 * 1024 ** 2, 'x');
    const sent = async () =>
      Number(/^total_net_output_bytes:(\d+)/m.exec(await redis.info('stats'))?.[1] ?? Number.NaN);
    const before = await sent();
    expect(await stage.prepare(payload)).toEqual({ kind: 'unavailable', code: 'STAGE_DAMAGED' });
    expect((await sent()) - before).toBeLessThan(2 * limits.chunkBytes);
  });

  test('sound ones in between begin the count anew', async () => {
    const { stage } = await makeStage();
    const payload = await stageStore(redis, small);
    const spoil = () => redis.set(chunkKey(payload, 0), 'x'.repeat(small.byteLength));
    await spoil();
    for (const _ of [1, 2]) await stage.prepare(payload);
    await stageBytes(redis, payload, small);
    expect(await stage.prepare(payload)).toMatchObject({ kind: 'inline' });
    await spoil();
    expect(await stage.prepare(payload)).toEqual({ kind: 'unavailable', code: 'STAGE_DAMAGED' });
  });
});
