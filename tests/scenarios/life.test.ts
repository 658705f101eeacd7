// The life of files in a running fleet: plans, retention without Redis, doubted clocks, damaged bytes that come again.

import { type Client, createClient } from '@filefleet/client';
import { redisKeys, writerStateField } from '@filefleet/protocol';
import { openReader } from '@filefleet/store';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { damage } from '../support/blob-files.ts';
import { look, storedBytes, value } from '../support/database.ts';
import { noise } from '../support/files.ts';
import { useFleet } from '../support/fleet.ts';

const fleet = useFleet();
/** Looks often, forgives nothing. */
const atOnce = {
  FILEFLEET_MAINTENANCE_SECONDS: '0.2',
  FILEFLEET_RETENTION_SOFT_DAYS: '0',
  FILEFLEET_RETENTION_PURGE_DAYS: '0',
  FILEFLEET_SWEEP_GRACE_HOURS: '0',
};
const dayMs = 24 * 3_600_000;

async function connect(vm = 'vm1'): Promise<Client> {
  const client = await createClient({ redis: fleet.redis.url, vm });
  onTestFinished(() => client.close());
  return client;
}

const store = (client: Client, sessionId: string, content: Buffer, filename = 'a.bin') =>
  client.store({ sessionId, filename, content });
const files = (where = '1') => value(fleet.dataDir, `SELECT count(*) FROM conversation_files WHERE ${where}`);

test('a plan says what would go, its application takes exactly that, and shared bytes stay', async () => {
  const writer = fleet.startWriter({ ...atOnce, FILEFLEET_RETENTION_PURGE_DAYS: '30' });
  const client = await connect();
  const [own, shared] = [noise(200_000, 'own'), noise(150_000, 'shared')];
  await store(client, 's1', own);
  await store(client, 's1', shared);
  const kept = await store(client, 's2', shared);
  await client.cleanupSession({ sessionId: 's1', mode: 'soft' });
  const { operationId: planId } = await client.operator.makePlan({ kind: 'purge', sessionId: 's1' });
  const ready = await writer.waitForEvent('plan.ready', (line) => line.planId === planId);
  expect(ready).toMatchObject({ rows: 2, blobBytes: 200_000 });
  expect(files()).toBe(3); // nothing goes because of a plan
  await client.operator.applyPlan(planId);
  const finished = await writer.waitForEvent('plan.finished', (line) => line.planId === planId);
  expect(finished).toMatchObject({ state: 'applied', rows: 2, blobBytes: 200_000, skipped: 0 });
  expect(await writer.waitForEvent('contents.swept')).toMatchObject({
    contents: 1,
    files: 1,
    bytes: 200_000,
  });
  expect([files(), value(fleet.dataDir, 'SELECT count(*) FROM blobs')]).toEqual([1, 1]);
  expect(storedBytes(fleet.dataDir, kept.fileId ?? '')).toEqual(shared);
  await expect(client.operator.applyPlan(planId)).rejects.toMatchObject({ code: 'REFUSED' });
});

test('what is due goes on time while Redis is away; a stop is as quick as ever', async () => {
  const writer = fleet.startWriter({ ...atOnce, FILEFLEET_RETENTION_SOFT_DAYS: '0.00002' }); // 1.7 s
  const client = await createClient({ redis: fleet.redis.url, vm: 'vm1' });
  await store(client, 'over', noise(100_000, 'over'));
  await store(client, 'going on', noise(100_000, 'on'));
  await client.endSession({ sessionId: 'over' });
  await client.close();
  await fleet.redis.stop();
  expect(files('is_deleted = 0')).toBe(2);
  await writer.waitForEvent('session.cleaned', (line) => line.sessionId === 'over');
  await writer.waitForEvent('contents.swept');
  expect([files(), value(fleet.dataDir, 'SELECT count(*) FROM blobs')]).toEqual([1, 1]);
  const exit = await writer.stop();
  expect(exit).toMatchObject({ code: 0 });
  expect(exit.afterMs).toBeLessThan(5_000);
  const anchors = writer.lines.filter(({ event }) => event === 'audit.anchor');
  const last = look(fleet.dataDir, (db) =>
    db
      .prepare('SELECT lower(hex(entry_hash)) FROM audit_entries ORDER BY audit_id DESC LIMIT 1')
      .pluck()
      .get(),
  );
  expect(anchors.at(-1)?.hash).toBe(last); // told at the stop
});

test('a clock that is days ahead of Redis deletes nothing and says so, until an operator accepts it', async () => {
  const ahead = `--import "data:text/javascript,const now=Date.now;Date.now=()=>now()+${20 * dayMs}"`;
  const writer = fleet.startWriter({ ...atOnce, NODE_OPTIONS: ahead });
  const client = await connect();
  await store(client, 's1', noise(1_000, 'early'));
  await client.endSession({ sessionId: 's1' });
  const doubted = await writer.waitForEvent('clock.doubted');
  expect(Math.abs(Number(doubted.byMs) - 20 * dayMs)).toBeLessThan(60_000);
  const redis = new Redis(fleet.redis.url);
  onTestFinished(() => redis.disconnect());
  const state = async () =>
    JSON.parse((await redis.hget(redisKeys().writer, writerStateField)) ?? '{}') as { maintenance?: object };
  await expect.poll(state, { timeout: 10_000 }).toMatchObject({
    maintenance: { clock: 'doubted', because: 'redis' },
  });
  expect(files('is_deleted = 0')).toBe(1);
  await client.operator.acceptClock();
  await writer.waitForEvent('session.cleaned');
  expect(writer.lines.filter(({ event }) => event === 'clock.trusted')).toMatchObject([
    { because: 'accepted' },
  ]);
  await expect.poll(state, { timeout: 10_000 }).toMatchObject({ maintenance: { clock: 'trusted' } });
});

test('bytes that a disk has changed are found, never served, and healed by the next who stores them', async () => {
  const writer = fleet.startWriter({ ...atOnce, FILEFLEET_SCRUB_DAYS: '0.00001' });
  const client = await connect();
  const content = noise(300_000, 'screenshot');
  const { fileId = '' } = await store(client, 's1', content);
  const read = async () => {
    const reader = openReader({ dataDir: fleet.dataDir });
    try {
      const { stream } = await reader.openContent(fileId);
      return Buffer.concat(await stream.toArray());
    } finally {
      reader.close();
    }
  };
  expect(await read()).toEqual(content);
  damage(fleet.dataDir, String(value(fleet.dataDir, 'SELECT name FROM blobs')));
  expect(await writer.waitForEvent('blob.damaged')).toMatchObject({ size: 300_000, location: 'file' });
  await expect(read()).rejects.toMatchObject({ code: 'CONTENT_DAMAGED' });
  const other = await connect('vm2');
  await store(other, 's2', content); // not told any longer that its bytes are held: it sends them
  expect(await read()).toEqual(content);
  expect(value(fleet.dataDir, 'SELECT count(*) FROM blobs')).toBe(1);
});
