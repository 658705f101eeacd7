import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { limits, makeOperationId } from '@filefleet/protocol';
import { blobsDir, deadLettersDir, openReader } from '@filefleet/store';
import { expect, onTestFinished, test } from 'vitest';
import { noise } from '../../../tests/support/files.ts';
import { entry as makeEntry, type OperationEntry } from '../../../tests/support/operations.ts';
import { useRedis } from '../../../tests/support/redis-of-file.ts';
import { openDesk, type StorePayload, stageStore } from '../../../tests/support/staging.ts';
import { makeStage } from './content-fixture.ts';

const server = useRedis();

async function open(pressure: 'none' | 'disk' = 'none') {
  const place = await openDesk();
  const disk = { pressure, whenRoom: async () => undefined, noteFull: async () => undefined };
  const { stage, close } = makeStage({ ...place, redis: server.redis }, () => ({ disk }));
  onTestFinished(close);
  const kept = () => readdirSync(deadLettersDir(place.dataDir));
  return { ...place, stage, kept };
}

const refusal = { outcome: 'refused', code: 'FILE_ID_TAKEN' } as const;

/** Has the writer refuse a store as one whose producer gave it up: the number behind it is settled already. */
function refuse(apply: (entries: OperationEntry[]) => unknown, { content, ...payload }: StorePayload) {
  const numbered = { producer: '018bcfe5-687b-7000-8000-0000000000aa', sessionId: 's1' };
  apply([
    makeEntry('session-end', { ...numbered, sequence: 2, previous: 0 }),
    makeEntry('file-store', { ...payload, ...numbered, content, sequence: 1, previous: 0 }),
  ]);
}

const retryOf = ({ operationId: deadLetterId }: StorePayload) =>
  makeEntry('dead-letter-retry', { deadLetterId }).operation;

test.each([
  ['small', noise(3_000, 'small')],
  ['large', noise(limits.chunkBytes * 2 + 17, 'large')],
  ['empty', Buffer.alloc(0)],
])('%s bytes of a refused store are kept, and come back whole for its retry', async (_size, bytes) => {
  const { stage, session, dataDir } = await open();
  const payload = await stageStore(server.redis, bytes);
  refuse((entries) => session.apply(entries), payload);
  await stage.release(payload, refusal);
  await server.redis.flushall();
  const reader = openReader({ dataDir });
  const [letter] = reader.refused.page().rows;
  expect(letter && reader.refused.bytesOf(letter)).toBe('kept');
  reader.close();
  const entry = makeEntry('dead-letter-retry', { deadLetterId: payload.operationId });
  const retry = entry.operation;
  const content = await stage.prepareRetry(retry);
  expect(content).toMatchObject(
    bytes.length > limits.inlineBlobBytes ? { kind: 'file' } : { kind: 'inline', bytes },
  );
  const [result] = session.apply([{ ...entry, ...(content && { content }) }]).results;
  expect(result).toMatchObject({ receipt: { outcome: 'applied', size: bytes.length } });
  expect(await stage.prepareRetry(retry)).toBeUndefined(); // settled: nobody need look
});

test('bytes that are damaged, too long or gone are not there, and nothing is left behind', async () => {
  const { stage, session, dataDir, desk } = await open();
  const bytes = noise(limits.inlineBlobBytes + 5, 'bytes');
  const payload = await stageStore(server.redis, bytes);
  refuse((entries) => session.apply(entries), payload);
  const gone = { kind: 'unavailable', code: 'CONTENT_MISSING' };
  expect(await stage.prepareRetry(retryOf(payload))).toEqual(gone);
  for (const wrong of [noise(bytes.length, 'other'), Buffer.concat([bytes, Buffer.from('!')])]) {
    writeFileSync(desk.refused.pathOf(payload.operationId), wrong);
    expect(await stage.prepareRetry(retryOf(payload))).toEqual(gone);
  }
  const blobs = readdirSync(blobsDir(dataDir), { recursive: true, withFileTypes: true });
  expect(blobs.filter((each) => each.isFile())).toEqual([]);
  expect(
    await stage.prepareRetry(makeEntry('dead-letter-retry', { deadLetterId: makeOperationId() }).operation),
  ).toBe(undefined);
});

test('what cannot be whole is not kept, nor anything while the disk is tight', async () => {
  const payload = await stageStore(server.redis, noise(500, 'x'));
  const { stage, kept } = await open();
  await stage.release(payload, { outcome: 'refused', code: 'STAGE_DAMAGED' });
  await stage.release(payload, { outcome: 'applied' });
  expect(kept()).toEqual([]);
  const tight = await open('disk');
  await tight.stage.release(payload, refusal);
  expect(tight.kept()).toEqual([]);
});

test('kept bytes go with their dead letter, with time, and the oldest first when there are too many', async () => {
  const { stage, session, desk, kept } = await open();
  const payload = await stageStore(server.redis, noise(500, 'x'));
  const unlisted = await stageStore(server.redis, noise(500, 'y'));
  refuse((entries) => session.apply(entries), payload);
  await stage.release(payload, refusal);
  await stage.release(unlisted, refusal);
  expect(await desk.pruneKept(Date.now() + 3_600_000)).toBe(1);
  expect(kept()).toEqual([payload.operationId]);
  expect(await desk.pruneKept(Date.now() + 8 * 24 * 3_600_000)).toBe(1);
  expect(existsSync(desk.refused.pathOf(payload.operationId))).toBe(false);
});
