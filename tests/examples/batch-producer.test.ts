import { type Client, createClient } from '@filefleet/client';
import { makeOperationId } from '@filefleet/protocol';
import { openReader } from '@filefleet/store';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { value } from '../support/database.ts';
import { useFleet } from '../support/fleet.ts';
import { readContent } from '../support/reading.ts';
import { handOver, type NpuResult } from './batch-producer.ts';

const fleet = useFleet({ shared: true });
let npu: Client;

const makeBatch = (): readonly NpuResult[] =>
  Array.from({ length: 200 }, (_, n) => ({
    operationId: makeOperationId(),
    name: `frame-${n}`,
    model: 'detector-3',
    processingMs: n,
    output: { boxes: n % 2 === 0 ? [] : [[n, n, 1, 1]] },
  }));

beforeAll(async () => {
  [npu] = await Promise.all([
    createClient({ redis: fleet.redis.url, vm: 'vm2', actor: 'npu-worker' }),
    fleet.startWriter().ready,
  ]);
});
afterAll(() => npu.close());

test('a batch is stored in its order, each result with what is known about it', async () => {
  const batch = makeBatch();
  const { stored, refused } = await handOver(npu, 'in order', batch);
  expect(refused).toEqual([]);
  expect(stored.map(({ operationId }) => operationId)).toEqual(batch.map(({ operationId }) => operationId));
  // Half of the frames are empty, and all empty ones have the same bytes: kept once.
  expect(value(fleet.dataDir, 'SELECT count(*) FROM blobs')).toBe(101);
  const reader = openReader({ dataDir: fleet.dataDir });
  try {
    const fileId = batch[7]?.operationId ?? '';
    expect(reader.getFile(fileId)).toMatchObject({ filename: 'frame-7.json', vm: 'vm2' });
    expect(reader.getMetadata(fileId)).toEqual({ model: 'detector-3', processing_time_ms: '7' });
    expect((await readContent(reader, fileId)).toString()).toBe('{"boxes":[[7,7,1,1]]}');
  } finally {
    reader.close();
  }
});

test('a worker that is started again hands over the whole batch, and every result is stored once', async () => {
  const batch = makeBatch();
  const before = await handOver(npu, 'again', batch.slice(0, 120)); // then it was killed
  await npu.close();
  npu = await createClient({ redis: fleet.redis.url, vm: 'vm2', actor: 'npu-worker' });
  const after = await handOver(npu, 'again', batch);
  expect(after.stored).toHaveLength(200);
  expect(after.stored.slice(0, 120)).toEqual(before.stored); // the first receipts
  const sql = "SELECT count(*) FROM conversation_files WHERE session_id = 'again'";
  expect(value(fleet.dataDir, sql)).toBe(200);
});

test('a result that is refused does not hold up the others', async () => {
  const batch = makeBatch();
  await handOver(npu, 'refused', batch.slice(0, 1));
  const changed = { ...batch[0], output: { boxes: 'other' } } as NpuResult;
  const { stored, refused } = await handOver(npu, 'refused', [changed, ...batch.slice(1, 3)]);
  expect(stored).toHaveLength(2);
  expect(refused).toMatchObject([{ refusal: 'CONFLICT', operationId: changed.operationId }]);
});
