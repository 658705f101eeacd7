// Staged bytes without a client: what a producer promises, and the chunks that it puts into Redis. And the writer's side of
// it: a real data folder with a desk.

import { readdirSync } from 'node:fs';
import { limits, makeOperationId, type Payload, parseOperation, redisKeys } from '@filefleet/protocol';
import { ContentDesk, tmpDir, WriterSession } from '@filefleet/store';
import type { Redis } from 'ioredis';
import { expect, onTestFinished } from 'vitest';
import { makeFolder } from './data-folder.ts';
import { sha256 } from './operations.ts';

export type StorePayload = Payload<'file-store'>;

const keys = redisKeys();

/** A store of these bytes, as a producer promises it; nothing is staged. */
export function promiseStore(
  bytes: Buffer,
  content: { chunks?: number; expiresAtMs?: number } = {},
): StorePayload {
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
  return payload as StorePayload;
}

/** Key of one of the chunks. */
export const chunkKey = ({ vm, operationId }: StorePayload, n: number): string =>
  keys.staged(vm, operationId, n);

/** Stages bytes for an operation, chunk by chunk. */
export async function stageBytes(redis: Redis, payload: StorePayload, bytes: Buffer): Promise<void> {
  for (let at = 0, n = 0; at < bytes.byteLength; at += limits.chunkBytes, n++) {
    await redis.set(chunkKey(payload, n), bytes.subarray(at, at + limits.chunkBytes));
  }
}

/** A store whose bytes are staged as promised. */
export async function stageStore(redis: Redis, bytes: Buffer): Promise<StorePayload> {
  const payload = promiseStore(bytes);
  await stageBytes(redis, payload, bytes);
  return payload;
}

/** A writer's session and desk over a folder of the running test, which fails when it leaves a temp file there. */
export async function openDesk(): Promise<{ dataDir: string; session: WriterSession; desk: ContentDesk }> {
  const dataDir = makeFolder();
  const session = await WriterSession.open({ dataDir });
  const desk = new ContentDesk(dataDir, session.epoch);
  onTestFinished(() => {
    desk.close();
    session.close();
    expect(readdirSync(tmpDir(dataDir))).toEqual([]);
  });
  return { dataDir, session, desk };
}
