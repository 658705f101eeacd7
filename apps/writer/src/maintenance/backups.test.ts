// Backups as a part of the maintenance: made when asked for, and what damage is healed from.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { damage, storeFile } from '../../../../tests/support/blob-files.ts';
import { entry, sha256, storeEntry } from '../../../../tests/support/operations.ts';
import { useRedis } from '../../../../tests/support/redis-of-file.ts';
import { startMs, useWriterSession } from '../../../../tests/support/writer-session.ts';
import { maintain as maintainAt } from './maintenance-fixture.ts';

const dayMs = 24 * 3_600_000;
const server = useRedis();
const store = useWriterSession();

function maintain(env: Record<string, string> = {}, ticksOffMs = startMs - 1_000) {
  const made = maintainAt({ ...store, redisUrl: server.url, redis: server.redis }, env, ticksOffMs);
  onTestFinished(async () => expect(await made.end()).toEqual([]));
  return made;
}

test('a backup is made when somebody asks, and heals what the scrub finds damaged afterwards', async () => {
  const { maintenance, desk, told, settle } = maintain({ FILEFLEET_SCRUB_DAYS: '0.04' });
  const { name, digest, fileId } = await storeFile(store, desk, 'precious '.repeat(20_000));
  store.apply(entry('backup-make', {}));
  settle('backup-make');
  await maintenance.begin();
  expect(told('backup.made')).toMatchObject([{ blobs: 1, missing: 0 }]);
  const { last_result: result } = store.row("SELECT * FROM maintenance WHERE task = 'backup'");
  expect(JSON.parse(String(result))).toMatchObject({
    ok: true,
    name: expect.stringMatching(/^2026/),
    missing: 0,
  });
  damage(store.dataDir, name);
  store.clock.now += dayMs;
  await maintenance.begin();
  expect(told('blob.healed')).toEqual([{ digest, from: 'backup' }]);
  expect(maintenance.state).toMatchObject({ damagedContents: 0 });
  const healed = store.row('SELECT f.file_path AS path FROM conversation_files f WHERE file_id = ?', fileId);
  expect(existsSync(join(store.dataDir, String(healed.path)))).toBe(true);
  expect(desk.findBlob(digest)?.name).not.toBe(name);
});

test('small bytes come back from the newest backup whose own are what the digest says', async () => {
  const { maintenance, desk, told, settle } = maintain({ FILEFLEET_SCRUB_DAYS: '0.04' });
  const made = storeEntry('small and precious');
  store.apply(made);
  const backUp = async () => {
    store.clock.now += 1_000;
    store.apply(entry('backup-make', {}));
    settle('backup-make');
    await maintenance.begin();
  };
  await backUp();
  store.tamper("UPDATE blob_bytes SET bytes = x'00'");
  await backUp(); // the scrub is not due: this one has the damage in it
  expect(told('backup.made')).toHaveLength(2);
  store.clock.now += dayMs;
  await maintenance.begin();
  const digest = sha256('small and precious');
  expect(told('blob.damaged')).toMatchObject([{ digest, location: 'inline' }]);
  expect(told('blob.healed')).toEqual([{ digest, from: 'backup' }]);
  expect(desk.findBlob(digest)).toMatchObject({ location: 'inline' });
  expect(store.row('SELECT bytes FROM blob_bytes').bytes).toEqual(Buffer.from('small and precious'));
});

test('a backup that cannot be written ends no writer, and says so in its row', async () => {
  const { maintenance, told, settle } = maintain({
    FILEFLEET_BACKUP_DIR: join(store.dataDir, 'conversation_files.db', 'below-a-file'),
  });
  settle('backup-make');
  await maintenance.begin();
  expect(told('backup.failed')).toHaveLength(1);
  const { last_result: result } = store.row("SELECT * FROM maintenance WHERE task = 'backup'");
  expect(JSON.parse(String(result))).toMatchObject({ ok: false });
});
