import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { limits, makeOperationId, type Payload, parseOperation, redisKeys } from '@filefleet/protocol';
import { blobsDir, ContentDesk, tmpDir, WriterSession } from '@filefleet/store';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { makeFolder } from '../../../tests/support/data-folder.ts';
import { noise, pngFile } from '../../../tests/support/files.ts';
import { sha256, storeEntry } from '../../../tests/support/operations.ts';
import { startRedis, type TestRedis } from '../../../tests/support/redis.ts';
import { type ContentOptions, ContentStage } from './content.ts';
import type { EventName } from './events.ts';
import { readStagedChunks } from './staged-chunks.ts';

const keys = redisKeys();
const nowMs = 2_000_000_000_000;
const large = noise(limits.chunkBytes * 2 + 1_000, 'large');
const small = Buffer.from('small enough for the database');
let server: TestRedis;
let redis: Redis;

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
});

/** A stage over a real data folder; every test ends without a temp file. */
async function makeStage(overrides: (desk: ContentDesk) => Partial<ContentOptions> = () => ({})) {
  const dataDir = makeFolder();
  const session = await WriterSession.open({ dataDir });
  const desk = new ContentDesk(dataDir, session.epoch);
  onTestFinished(() => {
    expect(readdirSync(tmpDir(dataDir))).toEqual([]);
    desk.close();
    session.close();
  });
  const reads: string[] = [];
  const events: [EventName, object][] = [];
  const read = readStagedChunks(redis);
  const stage = new ContentStage({
    desk,
    readChunk: (key, maxBytes) => {
      reads.push(key);
      return read(key, maxBytes);
    },
    keys,
    limits,
    disk: { pressure: 'none', whenRoom: async () => undefined, noteFull: async () => undefined },
    emit: (event, facts) => void events.push([event, facts]),
    clock: { nowMs: () => nowMs },
    ...overrides(desk),
  });
  return { stage, desk, session, dataDir, reads, events };
}

/** A store of these bytes, as a producer promises it. */
function promise(bytes: Buffer, content: Partial<{ chunks: number; expiresAtMs: number }> = {}) {
  const { payload } = parseOperation('file-store', {
    v: 1,
    operationId: makeOperationId(),
    vm: 'vm5',
    sessionId: 's1',
    filename: 'x',
    digest: sha256(bytes),
    size: bytes.byteLength,
    content: { from: 'staged', chunks: Math.ceil(bytes.byteLength / limits.chunkBytes), ...content },
  });
  return payload as Payload<'file-store'>;
}

/** Stages these bytes chunk by chunk for an operation. */
async function stageBytes({ vm, operationId }: Payload<'file-store'>, bytes: Buffer): Promise<void> {
  for (let at = 0, n = 0; at < bytes.byteLength; at += limits.chunkBytes, n++) {
    await redis.set(keys.staged(vm, operationId, n), bytes.subarray(at, at + limits.chunkBytes));
  }
}

async function staged(bytes: Buffer): Promise<Payload<'file-store'>> {
  const payload = promise(bytes);
  await stageBytes(payload, bytes);
  return payload;
}

const chunkKey = ({ vm, operationId }: Payload<'file-store'>, n: number) => keys.staged(vm, operationId, n);

const filesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());

describe('bytes that are what was promised', () => {
  test('small ones stay in memory', async () => {
    const { stage, dataDir } = await makeStage();
    const content = await stage.prepare(await staged(small));
    expect(content).toEqual({ kind: 'inline', bytes: small, mimeType: null });
    expect(filesIn(blobsDir(dataDir))).toEqual([]);
  });

  test('large ones are a file, whole, with what type they are', async () => {
    const { stage, dataDir, events } = await makeStage();
    const { bytes } = pngFile('shot.png', 300, 200);
    const content = await stage.prepare(await staged(bytes));
    expect(content).toMatchObject({ kind: 'file', mimeType: 'image/png' });
    const name = content?.kind === 'file' ? content.name : '';
    expect(readFileSync(join(blobsDir(dataDir), name)).equals(bytes)).toBe(true);
    expect(events.map(([event]) => event)).toEqual(['content.kept']);
  });

  test('none at all are bytes, too', async () => {
    const { stage, reads } = await makeStage();
    const content = await stage.prepare(promise(Buffer.alloc(0)));
    expect(content).toEqual({ kind: 'inline', bytes: Buffer.alloc(0), mimeType: null });
    expect(reads).toEqual([]);
  });

  test('a large file that no row came to name is removed again', async () => {
    const { stage, dataDir } = await makeStage();
    await stage.discard(await stage.prepare(await staged(large)));
    expect(filesIn(blobsDir(dataDir))).toEqual([]);
  });
});

describe('chunks that are not there', () => {
  const spoils: [string, (payload: Payload<'file-store'>) => Promise<unknown>][] = [
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
    const payload = await staged(large);
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
      expect(await stage.prepare(promise(large, { expiresAtMs }))).toEqual({ kind: 'unavailable', code });
    }
  });

  test('because a few bytes were promised in 256 of them: nothing is fetched in vain', async () => {
    const { stage, reads } = await makeStage();
    const payload = promise(small, { chunks: 256 });
    await stageBytes(payload, small);
    expect(await stage.prepare(payload)).toEqual({ kind: 'unavailable', code: 'STAGE_MISSING' });
    expect(reads).toHaveLength(2);
  });
});

describe('bytes that are damaged', () => {
  const spoils: [string, (payload: Payload<'file-store'>) => Promise<unknown>][] = [
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
    const payload = await staged(large);
    await spoil(payload);
    const contents = [];
    for (const _ of [1, 2, 3, 4]) contents.push(await stage.prepare(payload));
    const again = { kind: 'unavailable', code: 'STAGE_DAMAGED' };
    expect(contents).toEqual([again, again, { kind: 'damaged' }, again]);
    expect(filesIn(blobsDir(dataDir))).toEqual([]);
  });

  test('with a chunk more than the bytes need', async () => {
    const { stage } = await makeStage();
    const payload = promise(small, { chunks: 2 });
    await stageBytes(payload, small);
    await redis.set(chunkKey(payload, 1), 'surplus');
    expect(await stage.prepare(payload)).toEqual({ kind: 'unavailable', code: 'STAGE_DAMAGED' });
  });

  test('an endless chunk is cut: never more comes into memory than a chunk may have', async () => {
    const longest: number[] = [];
    const read = readStagedChunks(redis);
    const { stage } = await makeStage(() => ({
      readChunk: async (key, maxBytes) => {
        const chunk = await read(key, maxBytes);
        longest.push(chunk?.byteLength ?? 0);
        return chunk;
      },
    }));
    const payload = promise(large);
    await redis.setrange(chunkKey(payload, 0), 64 * 1024 ** 2, 'x');
    expect(await stage.prepare(payload)).toEqual({ kind: 'unavailable', code: 'STAGE_DAMAGED' });
    expect(longest).toEqual([limits.chunkBytes + 1]);
  });

  test('sound ones in between begin the count anew', async () => {
    const { stage } = await makeStage();
    const payload = await staged(small);
    const spoil = () => redis.set(chunkKey(payload, 0), 'x'.repeat(small.byteLength));
    await spoil();
    for (const _ of [1, 2]) await stage.prepare(payload);
    await stageBytes(payload, small);
    expect(await stage.prepare(payload)).toMatchObject({ kind: 'inline' });
    await spoil();
    expect(await stage.prepare(payload)).toEqual({ kind: 'unavailable', code: 'STAGE_DAMAGED' });
  });
});

describe('nothing is fetched', () => {
  test('when the store holds the bytes, unless they were gone a moment ago', async () => {
    const { stage, session, reads } = await makeStage();
    const first = await stage.prepare(await staged(large));
    session.apply([
      storeEntry('', { digest: sha256(large), size: large.byteLength }, first ? { content: first } : {}),
    ]);
    const payload = await staged(large);
    reads.length = 0;
    expect(await stage.prepare(payload)).toEqual({ kind: 'held' });
    expect(reads).toEqual([]);
    const fetched = await stage.prepare(payload, true);
    expect(fetched).toMatchObject({ kind: 'file' });
    await stage.discard(fetched);
    await stage.discard(first); // named by a row: stays
    expect(await stage.prepare(payload)).toEqual({ kind: 'held' });
  });

  test('when a large operation was settled before', async () => {
    const { stage, session, reads } = await makeStage();
    const payload = promise(large);
    session.apply([storeEntry('x', {}, { operationId: payload.operationId })]);
    expect(await stage.prepare(payload)).toBeUndefined();
    expect(reads).toEqual([]);
  });

  test('when the producer only believes that the store holds them, and it does not', async () => {
    const { stage } = await makeStage();
    const payload = { ...promise(large), content: { from: 'known' } } as const;
    expect(await stage.prepare(payload)).toEqual({ kind: 'unavailable', code: 'CONTENT_MISSING' });
  });
});

describe('the machine', () => {
  const errno = (code: string) => Object.assign(new Error(code), { code });

  test('a full disk is waited out, visibly, and the bytes arrive', async () => {
    const noted: boolean[] = [];
    let failures = 1;
    const { stage, events } = await makeStage((desk) => ({
      desk: deskWith(desk, {
        beginBlob: async () => {
          if (failures-- > 0) throw errno('ENOSPC');
          return desk.beginBlob();
        },
      }),
      disk: {
        pressure: 'none',
        whenRoom: async () => undefined,
        noteFull: async (forCommit) => void noted.push(forCommit),
      },
    }));
    const payload = await staged(large);
    expect(await stage.prepare(payload)).toMatchObject({ kind: 'file' });
    expect(noted).toEqual([false]);
    const { operationId } = payload;
    const facts = { operationId, code: 'STORAGE_FULL', attempt: 1, retryInMs: 100 };
    expect(events[0]).toEqual(['content.waiting', expect.objectContaining(facts)]);
  });

  test.each([
    ['a disk that fails', 'EIO', 'STORAGE_FAULT'],
    ['temp files that a successor cleared', 'ENOENT', 'STORAGE_FAULT'],
  ])('%s is not waited for', async (_what, code, expected) => {
    const { stage, events } = await makeStage((desk) => ({
      desk: deskWith(desk, { beginBlob: () => Promise.reject(errno(code)) }),
    }));
    await expect(stage.prepare(await staged(large))).rejects.toMatchObject({ code: expected });
    expect(events).toEqual([]);
  });

  test('while the disk is tight stores wait, those that were settled before do not', async () => {
    const room = Promise.withResolvers<void>();
    const { stage, session, reads } = await makeStage(() => ({
      disk: { pressure: 'disk', whenRoom: () => room.promise, noteFull: async () => undefined },
    }));
    const settled = promise(large);
    session.apply([storeEntry('x', {}, { operationId: settled.operationId })]);
    expect(await stage.prepare(settled)).toBeUndefined();
    const waiting = stage.prepare(await staged(small));
    expect(reads).toEqual([]);
    room.resolve();
    expect(await waiting).toMatchObject({ kind: 'inline' });
  });

  const deskWith = (desk: ContentDesk, changed: Partial<ContentOptions['desk']>): ContentOptions['desk'] => ({
    findBlob: (digest) => desk.findBlob(digest),
    isSettled: (id) => desk.isSettled(id),
    beginBlob: () => desk.beginBlob(),
    discardUnnamed: (name) => desk.discardUnnamed(name),
    keepQuarantined: (draft, id) => desk.keepQuarantined(draft, id),
    assertEpoch: () => desk.assertEpoch(),
    ...changed,
  });
});

test('the bytes of a condemned operation are kept as they are, as far as they are there', async () => {
  const { stage, dataDir } = await makeStage();
  const payload = await staged(large);
  await redis.del(chunkKey(payload, 1));
  const name = await stage.keepInQuarantine(payload);
  const kept = readFileSync(join(dataDir, 'quarantine', name ?? ''));
  const expected = [large.subarray(0, limits.chunkBytes), large.subarray(2 * limits.chunkBytes)];
  expect(kept.equals(Buffer.concat(expected))).toBe(true);
  expect(await stage.keepInQuarantine(promise(large))).toBeUndefined();
});
