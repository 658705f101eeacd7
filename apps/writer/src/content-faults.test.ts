// What the content stage does not fetch, and what it does when the machine fails; content.test.ts has what it fetches.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { limits } from '@filefleet/protocol';
import type { ContentDesk } from '@filefleet/store';
import { describe, expect, onTestFinished, test } from 'vitest';
import { noise } from '../../../tests/support/files.ts';
import { sha256, storeEntry } from '../../../tests/support/operations.ts';
import { useRedis } from '../../../tests/support/redis-of-file.ts';
import { chunkKey, openDesk, promiseStore, stageStore } from '../../../tests/support/staging.ts';
import type { ContentOptions } from './content.ts';
import { makeStage, type Overrides } from './content-fixture.ts';

const large = noise(limits.chunkBytes * 2 + 1_000, 'large');
const small = Buffer.from('small enough for the database');
const server = useRedis();

/** A stage over a real data folder; every test ends without a temp file. */
async function openStage(overrides?: Overrides) {
  const place = await openDesk();
  const made = makeStage({ ...place, redis: server.redis }, overrides);
  onTestFinished(made.close);
  return { ...place, ...made };
}

describe('nothing is fetched', () => {
  test('when the store holds the bytes, unless they were gone a moment ago', async () => {
    const { stage, session, reads } = await openStage();
    const first = await stage.prepare(await stageStore(server.redis, large));
    session.apply([
      storeEntry('', { digest: sha256(large), size: large.byteLength }, first ? { content: first } : {}),
    ]);
    const payload = await stageStore(server.redis, large);
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
    const { stage, session, reads } = await openStage();
    const payload = promiseStore(large);
    session.apply([storeEntry('x', {}, { operationId: payload.operationId })]);
    expect(await stage.prepare(payload)).toBeUndefined();
    expect(reads).toEqual([]);
  });

  test('when the producer only believes that the store holds them, and it does not', async () => {
    const { stage } = await openStage();
    const payload = { ...promiseStore(large), content: { from: 'known' } } as const;
    expect(await stage.prepare(payload)).toEqual({ kind: 'unavailable', code: 'CONTENT_MISSING' });
  });
});

describe('the machine', () => {
  const errno = (code: string) => Object.assign(new Error(code), { code });

  test('a full disk is waited out, visibly, and the bytes arrive', async () => {
    const noted: boolean[] = [];
    let failures = 1;
    const { stage, events } = await openStage(({ desk }) => ({
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
    const payload = await stageStore(server.redis, large);
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
    const { stage, events } = await openStage(({ desk }) => ({
      desk: deskWith(desk, { beginBlob: () => Promise.reject(errno(code)) }),
    }));
    await expect(stage.prepare(await stageStore(server.redis, large))).rejects.toMatchObject({
      code: expected,
    });
    expect(events).toEqual([]);
  });

  test('while the disk is tight stores wait, those that were settled before do not', async () => {
    const room = Promise.withResolvers<void>();
    const { stage, session, reads } = await openStage(() => ({
      disk: { pressure: 'disk', whenRoom: () => room.promise, noteFull: async () => undefined },
    }));
    const settled = promiseStore(large);
    session.apply([storeEntry('x', {}, { operationId: settled.operationId })]);
    expect(await stage.prepare(settled)).toBeUndefined();
    const waiting = stage.prepare(await stageStore(server.redis, small));
    expect(reads).toEqual([]);
    room.resolve();
    expect(await waiting).toMatchObject({ kind: 'inline' });
  });

  test('a connection that is lost half-way is made again, visibly, and the bytes arrive', async () => {
    let attempts = 0;
    const { stage, events } = await openStage(({ lines }) => ({
      pourChunks: (pouring) => {
        let isBroken = ++attempts > 2;
        const take = async (page: Buffer) => {
          if (!isBroken) await server.redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
          isBroken = true; // the pages that had arrived by then come all the same
          await pouring.take(page);
        };
        return lines.pour({ ...pouring, take });
      },
    }));
    const longer = noise(limits.chunkBytes * 40, 'more than sockets hold');
    const content = await stage.prepare(await stageStore(server.redis, longer));
    expect(content).toMatchObject({ kind: 'file' });
    const waits = events.filter(([event]) => event === 'content.waiting');
    expect(waits.map(([, facts]) => facts)).toMatchObject([
      { code: 'CONNECTION_LOST', attempt: 1 },
      { code: 'CONNECTION_LOST', attempt: 2 },
    ]);
    await stage.discard(content);
  });

  const deskWith = (desk: ContentDesk, changed: Partial<ContentOptions['desk']>): ContentOptions['desk'] => ({
    findBlob: (digest) => desk.findBlob(digest),
    isSettled: (id) => desk.isSettled(id),
    beginBlob: () => desk.beginBlob(),
    discardUnnamed: (name) => desk.discardUnnamed(name),
    keepQuarantined: (draft, id) => desk.keepQuarantined(draft, id),
    assertEpoch: () => desk.assertEpoch(),
    retriedStore: (retry) => desk.retriedStore(retry),
    refused: desk.refused,
    ...changed,
  });
});

test('the bytes of a condemned operation are kept as they are, as far as they are there', async () => {
  const { stage, dataDir } = await openStage();
  const payload = await stageStore(server.redis, large);
  await server.redis.del(chunkKey(payload, 1));
  const name = await stage.keepInQuarantine(payload);
  const kept = readFileSync(join(dataDir, 'quarantine', name ?? ''));
  const expected = [large.subarray(0, limits.chunkBytes), large.subarray(2 * limits.chunkBytes)];
  expect(kept.equals(Buffer.concat(expected))).toBe(true);
  expect(await stage.keepInQuarantine(promiseStore(large))).toBeUndefined();
});
