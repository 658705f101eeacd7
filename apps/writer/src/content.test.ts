import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { limits } from '@filefleet/protocol';
import { blobsDir } from '@filefleet/store';
import { describe, expect, onTestFinished, test } from 'vitest';
import { noise, pngFile } from '../../../tests/support/files.ts';
import { useRedis } from '../../../tests/support/redis-of-file.ts';
import {
  chunkKey,
  openDesk,
  promiseStore,
  type StorePayload,
  stageBytes,
  stageStore,
} from '../../../tests/support/staging.ts';
import { makeStage } from './content-fixture.ts';

const nowMs = 2_000_000_000_000;
const large = noise(limits.chunkBytes * 2 + 1_000, 'large');
const small = Buffer.from('small enough for the database');
const server = useRedis();

/** A stage over a real data folder; every test ends without a temp file. */
async function openStage() {
  const place = await openDesk();
  const made = makeStage({ ...place, redis: server.redis }, () => ({ clock: { nowMs: () => nowMs } }));
  onTestFinished(made.close);
  return { ...place, ...made };
}

const filesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());

describe('bytes that are what was promised', () => {
  test('small ones stay in memory', async () => {
    const { stage, dataDir } = await openStage();
    const content = await stage.prepare(await stageStore(server.redis, small));
    expect(content).toEqual({ kind: 'inline', bytes: small, mimeType: null });
    expect(filesIn(blobsDir(dataDir))).toEqual([]);
  });

  test('large ones are a file, whole, with what type they are', async () => {
    const { stage, dataDir, events } = await openStage();
    const { bytes } = pngFile('shot.png', 300, 200);
    const content = await stage.prepare(await stageStore(server.redis, bytes));
    expect(content).toMatchObject({ kind: 'file', mimeType: 'image/png' });
    const name = content?.kind === 'file' ? content.name : '';
    expect(readFileSync(join(blobsDir(dataDir), name)).equals(bytes)).toBe(true);
    expect(events.map(([event]) => event)).toEqual(['content.kept']);
  });

  test('none at all are bytes, too', async () => {
    const { stage, reads } = await openStage();
    const content = await stage.prepare(promiseStore(Buffer.alloc(0)));
    expect(content).toEqual({ kind: 'inline', bytes: Buffer.alloc(0), mimeType: null });
    expect(reads).toEqual([]);
  });

  test('a large file that no row came to name is removed again', async () => {
    const { stage, dataDir } = await openStage();
    await stage.discard(await stage.prepare(await stageStore(server.redis, large)));
    expect(filesIn(blobsDir(dataDir))).toEqual([]);
  });
});

describe('chunks that are not there', () => {
  const spoils: [string, (payload: StorePayload) => Promise<unknown>][] = [
    ['the first', (payload) => server.redis.del(chunkKey(payload, 0))],
    ['the last', (payload) => server.redis.del(chunkKey(payload, 2))],
    [
      'one of another type',
      async (payload) => {
        await server.redis.del(chunkKey(payload, 1));
        await server.redis.lpush(chunkKey(payload, 1), 'x');
      },
    ],
    ['an empty one', (payload) => server.redis.set(chunkKey(payload, 1), '')],
  ];
  test.each(spoils)('%s: to be staged again', async (_what, spoil) => {
    const { stage, dataDir } = await openStage();
    const payload = await stageStore(server.redis, large);
    await spoil(payload);
    expect(await stage.prepare(payload)).toEqual({ kind: 'unavailable', code: 'STAGE_MISSING' });
    expect(filesIn(blobsDir(dataDir))).toEqual([]);
  });

  test('for long: expired', async () => {
    const { stage } = await openStage();
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
    const { stage, reads } = await openStage();
    const payload = promiseStore(small, { chunks: 256 });
    await stageBytes(server.redis, payload, small);
    expect(await stage.prepare(payload)).toEqual({ kind: 'unavailable', code: 'STAGE_MISSING' });
    expect(reads).toHaveLength(2);
  });
});

describe('bytes that are damaged', () => {
  const spoils: [string, (payload: StorePayload) => Promise<unknown>][] = [
    ['cut', (payload) => server.redis.set(chunkKey(payload, 2), large.subarray(0, 10))],
    [
      'swapped',
      async (payload) => {
        await server.redis.rename(chunkKey(payload, 0), '{x}');
        await server.redis.rename(chunkKey(payload, 1), chunkKey(payload, 0));
        await server.redis.rename('{x}', chunkKey(payload, 1));
      },
    ],
    ['doubled', (payload) => server.redis.append(chunkKey(payload, 2), large.subarray(-1_000))],
    [
      'changed in one bit',
      (payload) =>
        server.redis.setbit(chunkKey(payload, 1), 77, 1 - (((large[limits.chunkBytes + 9] ?? 0) >> 2) & 1)),
    ],
    ['one chunk too large', (payload) => server.redis.append(chunkKey(payload, 0), 'x')],
  ];
  test.each(spoils)('%s: to be staged again, and refused the third time', async (_what, spoil) => {
    const { stage, dataDir } = await openStage();
    const payload = await stageStore(server.redis, large);
    await spoil(payload);
    const contents = [];
    for (const _ of [1, 2, 3, 4]) contents.push(await stage.prepare(payload));
    const again = { kind: 'unavailable', code: 'STAGE_DAMAGED' };
    expect(contents).toEqual([again, again, { kind: 'damaged' }, again]);
    expect(filesIn(blobsDir(dataDir))).toEqual([]);
  });

  test('in chunks without end: no more of them are read than it takes to see it', async () => {
    const { stage, reads } = await openStage();
    const payload = promiseStore(small, { chunks: 6 });
    for (let n = 0; n < 6; n++) await server.redis.set(chunkKey(payload, n), small);
    expect(await stage.prepare(payload)).toEqual({ kind: 'unavailable', code: 'STAGE_DAMAGED' });
    expect(reads).toHaveLength(2);
  });

  test('with a chunk more than the bytes need', async () => {
    const { stage } = await openStage();
    const payload = promiseStore(small, { chunks: 2 });
    await stageBytes(server.redis, payload, small);
    await server.redis.set(chunkKey(payload, 1), 'surplus');
    expect(await stage.prepare(payload)).toEqual({ kind: 'unavailable', code: 'STAGE_DAMAGED' });
  });

  test('an endless chunk is cut: no more of it leaves Redis than a chunk may have', async () => {
    const { stage } = await openStage();
    const payload = promiseStore(large);
    await server.redis.setrange(chunkKey(payload, 0), 64 * 1024 ** 2, 'x');
    const sent = async () =>
      Number(/^total_net_output_bytes:(\d+)/m.exec(await server.redis.info('stats'))?.[1] ?? Number.NaN);
    const before = await sent();
    expect(await stage.prepare(payload)).toEqual({ kind: 'unavailable', code: 'STAGE_DAMAGED' });
    expect((await sent()) - before).toBeLessThan(2 * limits.chunkBytes);
  });

  test('sound ones in between begin the count anew', async () => {
    const { stage } = await openStage();
    const payload = await stageStore(server.redis, small);
    const spoil = () => server.redis.set(chunkKey(payload, 0), 'x'.repeat(small.byteLength));
    await spoil();
    for (const _ of [1, 2]) await stage.prepare(payload);
    await stageBytes(server.redis, payload, small);
    expect(await stage.prepare(payload)).toMatchObject({ kind: 'inline' });
    await spoil();
    expect(await stage.prepare(payload)).toEqual({ kind: 'unavailable', code: 'STAGE_DAMAGED' });
  });
});
