// A Redis belongs to one store: the writer of another one is let in neither by a higher epoch nor by luck, only where somebody
// says that it takes the other's place.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Client, createClient } from '@filefleet/client';
import { redisKeys } from '@filefleet/protocol';
import { ConversationFileManager } from '@filefleet/store';
import SQLite from 'better-sqlite3';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { askFilefleet } from '../support/command-line.ts';
import { databaseFile, value } from '../support/database.ts';
import { until, within } from '../support/deadline.ts';
import { useFleet } from '../support/fleet.ts';
import type { WriterProcess } from '../support/writer.ts';

const fleet = useFleet();
let redis: Redis;
let client: Client;

beforeEach(async () => {
  redis = new Redis(fleet.redis.url);
  client = await createClient({ redis: fleet.redis.url, vm: 'vm2' });
});
afterEach(async () => {
  await client.close();
  redis.disconnect();
});

const storeKey = `${redisKeys().epoch}:store`;
const idIn = (dataDir: string) => value(dataDir, 'SELECT store_id FROM store');
const filesIn = (dataDir: string) => value(dataDir, 'SELECT count(*) FROM conversation_files');
const store = (filename: string) => client.store({ sessionId: 's', filename, content: filename });
const enqueue = (filename: string) => client.enqueueStore({ sessionId: 's', filename, content: filename });
const otherDir = () => join(fleet.folder, 'other');
const startOther = (env: Record<string, string> = {}) =>
  fleet.startWriter({ FILEFLEET_DATA_DIR: otherDir(), ...env });

/** A store whose next writer has epoch 71. */
async function makeOtherAt70(): Promise<void> {
  const manager = await ConversationFileManager.open({ dataDir: otherDir() });
  manager.initialize();
  manager.close();
  const db = new SQLite(databaseFile(otherDir()));
  db.exec("INSERT INTO writer_epochs (epoch, holder, pid, started_at_ms) VALUES (70, 'before', 1, 1)");
  db.close();
}

/** @returns the variable that its message names. */
async function expectRefusal(writer: WriterProcess): Promise<Record<string, string>> {
  expect(await within(writer.exited, 'the writer to refuse')).toEqual({ code: 78, signal: null });
  const failed = await writer.waitForEvent('writer.failed');
  expect(failed).toMatchObject({ code: 'REDIS_OF_ANOTHER_STORE', exitCode: 78 });
  const [, name = '', id = ''] = /start with (FILEFLEET_\w+)=(\S+)$/.exec(String(failed.message)) ?? [];
  return { [name]: id };
}

test('neither a lower nor a higher epoch lets another store in, whether the first runs or not', async () => {
  await makeOtherAt70();
  const first = fleet.startWriter();
  await first.ready;
  await expectRefusal(startOther());
  await store('while it runs');
  await first.stop();
  await enqueue('while none runs');
  await expectRefusal(startOther());
  await redis.del(storeKey); // as a version that knew no ids left it
  await fleet.startWriter().ready;
  expect(await redis.get(storeKey)).toBe(idIn(fleet.dataDir));
  await until(() => filesIn(fleet.dataDir) === 2, 'what waited to be stored where it was meant to be');
  expect(filesIn(otherDir())).toBe(0);
});

test('after Redis came back empty it belongs to the store whose writer runs', async () => {
  await fleet.startWriter().ready;
  await fleet.replaceRedis();
  const later = new Redis(fleet.redis.url);
  try {
    await until(async () => (await later.get(storeKey)) === idIn(fleet.dataDir), 'the next heartbeat');
  } finally {
    later.disconnect();
  }
  await expectRefusal(startOther());
});

test('a store whose folder was lost is replaced by the variable that the refusal names, with all that waits', async () => {
  const first = fleet.startWriter();
  await first.ready;
  await store('lost');
  await first.stop();
  await enqueue('waiting');
  await rm(fleet.dataDir, { recursive: true });
  const replaces = await expectRefusal(fleet.startWriter());
  await fleet.startWriter(replaces).ready;
  await until(() => filesIn(fleet.dataDir) === 1, 'what waited');
  const env = { FILEFLEET_DATA_DIR: fleet.dataDir, FILEFLEET_REDIS_URL: fleet.redis.url };
  expect(await askFilefleet(env, 'verify')).toMatchObject({ exitCode: 0 });
});

test('a store that is replaced while its writer runs loses nothing, and its writer ends', async () => {
  const first = fleet.startWriter();
  await first.ready;
  await store('before');
  await startOther({ FILEFLEET_REPLACES_STORE: String(idIn(fleet.dataDir)) }).ready;
  await expectRefusal(first);
  await store('after');
  expect([filesIn(fleet.dataDir), filesIn(otherDir())]).toEqual([1, 1]);
});

test('stores with shards of their own share one Redis', async () => {
  const [first, other] = [fleet.startWriter(), startOther({ FILEFLEET_SHARD: '1' })];
  await Promise.all([first.ready, other.ready]);
  expect(await redis.mget(storeKey, `${redisKeys(1).epoch}:store`)).toEqual([
    idIn(fleet.dataDir),
    idIn(otherDir()),
  ]);
});
