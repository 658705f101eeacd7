// The day after a disaster: a backup made while the fleet works, lost work, a restore, and producers that go on as if nothing
// had happened.

import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Client, createClient } from '@filefleet/client';
import { limits, redisKeys } from '@filefleet/protocol';
import { Redis } from 'ioredis';
import { afterEach, expect, test } from 'vitest';
import { askFilefleet, type Said } from '../support/command-line.ts';
import { rows, storedBytes, value } from '../support/database.ts';
import { useFleet } from '../support/fleet.ts';

const fleet = useFleet();
const clients: Client[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

async function connect(): Promise<Client> {
  const client = await createClient({ redis: fleet.redis.url, vm: 'vm2' });
  clients.push(client);
  return client;
}

const ask = (...args: string[]): Promise<Said> =>
  askFilefleet({ FILEFLEET_DATA_DIR: fleet.dataDir, FILEFLEET_REDIS_URL: fleet.redis.url }, ...args);

/** Every fault of a thorough look; none for a sound store. */
async function findFaults(): Promise<string[]> {
  const { value: looked } = await ask('verify', '--deep');
  return looked.steps.flatMap((step: { name: string; faults: string[] }) =>
    step.faults.map((fault) => `${step.name}: ${fault}`),
  );
}

const quick = { FILEFLEET_MAINTENANCE_SECONDS: '0.1' };

test('store, back up while stores go on, store more, restore: the client goes on, and all that is left is sound', async () => {
  const [client, writer] = [await connect(), fleet.startWriter(quick)];
  await writer.ready;
  const large = [randomBytes(limits.chunkBytes * 2), randomBytes(limits.chunkBytes * 3)] as const;
  const store = (filename: string, content: Buffer | string) =>
    client.store({ sessionId: 's', filename, content: Buffer.from(content) });
  const before = await Promise.all([store('1', 'one'), store('2', large[0]), store('3', 'three')]);
  const stream = Array.from({ length: 200 }, (_, n) => store(`during ${n}`, `${n} ${'x'.repeat(2_000)}`));
  const backup = await ask('backup', 'create');
  expect(backup).toMatchObject({ exitCode: 0, value: { name: expect.any(String), missing: 0 } });
  const during = await Promise.all(stream);
  const lost = await Promise.all([
    store('4', 'four'),
    store('5', large[1]),
    client.rename({ sessionId: 's', fileId: before[0].fileId ?? '', filename: 'renamed' }),
  ]);

  expect((await ask('backup', 'ls')).value.backups).toMatchObject([{ name: backup.value.name }]);
  const running = await ask('backup', 'restore', backup.value.name, '--replace');
  expect(running).toMatchObject({ exitCode: 75, value: { error: { code: 'LOCK_HELD' } } });
  await writer.stop();
  expect(await ask('backup', 'restore', backup.value.name)).toMatchObject({
    exitCode: 78,
    value: { error: { code: 'DATA_PRESENT' } },
  });
  expect(await ask('backup', 'restore', backup.value.name, '--replace')).toMatchObject({
    exitCode: 0,
    value: { missing: 0 },
  });
  expect(await findFaults()).toEqual([]);

  // As of one commit: each receipt up to it holds, none after it.
  const at = Number(backup.value.commitSequence);
  const there = new Set(
    rows<{ id: string }>(fleet.dataDir, 'SELECT file_id AS id FROM conversation_files').map(({ id }) => id),
  );
  for (const receipt of [...before, ...during, ...lost.slice(0, 2)]) {
    expect([receipt.fileId, there.has(receipt.fileId ?? '')]).toEqual([
      receipt.fileId,
      receipt.commitSequence <= at,
    ]);
  }
  expect(
    value(
      fleet.dataDir,
      'SELECT original_filename FROM conversation_files WHERE file_id = ?',
      before[0].fileId,
    ),
  ).toBe('1');

  // The producer's numbers are ahead of the ledger, and the marker of the second large content is stale.
  const successor = fleet.startWriter(quick);
  await successor.ready;
  const [again, small] = await Promise.all([store('5 again', large[1]), store('6', 'six')]);
  expect(again).toMatchObject({ outcome: 'applied', deduplicated: false });
  expect(storedBytes(fleet.dataDir, again.fileId ?? '')).toEqual(large[1]);
  expect(storedBytes(fleet.dataDir, small.fileId ?? '').toString()).toBe('six');
  expect(storedBytes(fleet.dataDir, before[1].fileId ?? '')).toEqual(large[0]);
  expect(again.commitSequence).toBeGreaterThan(Math.max(...lost.map(({ commitSequence }) => commitSequence)));
  expect(await findFaults()).toEqual([]);
  expect(await ask('backup', 'verify')).toMatchObject({
    exitCode: 0,
    value: { ok: true, name: backup.value.name },
  });
});

test('a store that was lost whole, with Redis still there: the new writer is above the epoch that Redis has seen', async () => {
  const client = await connect();
  const first = fleet.startWriter();
  await first.ready;
  await client.store({ sessionId: 's', filename: 'before', content: Buffer.from('before') });
  await first.stop();
  const elsewhere = join(fleet.folder, 'backups');
  const made = await ask('backup', 'create', '--to', elsewhere);
  const redis = new Redis(fleet.redis.url);
  await redis.set(redisKeys().epoch, 30);
  redis.disconnect();
  await rm(fleet.dataDir, { recursive: true });
  const env = {
    FILEFLEET_DATA_DIR: fleet.dataDir,
    FILEFLEET_REDIS_URL: fleet.redis.url,
    FILEFLEET_BACKUP_DIR: elsewhere,
  };
  expect(await askFilefleet(env, 'backup', 'restore', made.value.name)).toMatchObject({
    exitCode: 0,
    value: { epoch: 31 },
  });
  const writer = fleet.startWriter();
  expect(await writer.ready).toMatchObject({ epoch: 32 });
  await client.store({ sessionId: 's', filename: 'after', content: Buffer.from('after') });
  expect(value(fleet.dataDir, 'SELECT count(*) FROM conversation_files')).toBe(2);
});
