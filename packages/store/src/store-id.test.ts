// Which store a database is: the same for ever, whatever is done with it, and never that of another one.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeOldInstallation } from '../../../tests/support/autobot-storage.ts';
import { makeFolder, openManager, withRaw } from '../../../tests/support/data-folder.ts';
import { storeEntry } from '../../../tests/support/operations.ts';
import { adoptStore } from './adopt/adopt.ts';
import { makeBackupAlone } from './backup/make-alone.ts';
import { restoreBackup } from './backup/restore.ts';
import { databasePath } from './data-dir.ts';
import { WriterSession } from './writer-session.ts';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** The id that a writer of this folder has; the store is made when there is none, and holds a file. */
async function idIn(dataDir: string): Promise<string> {
  const session = await WriterSession.open({ dataDir });
  session.apply([storeEntry('kept')]);
  session.close();
  return session.storeId;
}

async function backUp(dataDir: string): Promise<{ backupDir: string; name: string }> {
  const backupDir = join(makeFolder(), 'backups');
  return { backupDir, name: (await makeBackupAlone({ dataDir, backupDir })).name };
}

/** A backup of a store as it was before stores had ids. */
async function backUpAtFour(): Promise<{ backupDir: string; name: string }> {
  const dataDir = makeFolder();
  const manager = await openManager(dataDir);
  manager.initialize({ to: '004' });
  manager.close();
  return backUp(dataDir);
}

test('every writer of a store finds the same id, another store has another one', async () => {
  const dataDir = makeFolder();
  const id = await idIn(dataDir);
  expect(id).toMatch(uuid);
  expect(await idIn(dataDir)).toBe(id);
  expect(await idIn(makeFolder())).not.toBe(id);
});

test.each(['001', '002', '003', '004'])('a database of version %s gets one', async (to) => {
  const dataDir = makeFolder();
  const manager = await openManager(dataDir);
  manager.initialize({ to });
  manager.close();
  const id = await idIn(dataDir);
  expect(id).toMatch(uuid);
  expect(await idIn(dataDir)).toBe(id);
});

test.each(['004', '003'])('down to %s and up again keeps it, and nothing of that is left', async (to) => {
  const dataDir = makeFolder();
  const id = await idIn(dataDir);
  const manager = await openManager(dataDir);
  expect(manager.planDown({ to: '004' }).losses).toEqual([]);
  manager.migrateDown({ to, discard: true });
  manager.close();
  expect(await idIn(dataDir)).toBe(id);
  const left = "SELECT count(*) FROM maintenance WHERE task = 'store-id'";
  expect(withRaw(databasePath(dataDir), (db) => db.prepare(left).pluck().get())).toBe(0);
});

test('no writer works on a store without it, and the lock is free again', async () => {
  const dataDir = makeFolder();
  const id = await idIn(dataDir);
  withRaw(databasePath(dataDir), (db) => db.exec('DELETE FROM store'));
  await expect(idIn(dataDir)).rejects.toMatchObject({ code: 'SCHEMA_DAMAGED', exitCode: 78 });
  withRaw(databasePath(dataDir), (db) => db.exec(`INSERT INTO store VALUES (1, '${id}')`));
  expect(await idIn(dataDir)).toBe(id);
});

test('a restored backup is the store that it was made of, also in place of another one', async () => {
  const dataDir = makeFolder();
  const id = await idIn(dataDir);
  const backup = await backUp(dataDir);
  const [empty, other] = [makeFolder(), makeFolder()];
  expect(await idIn(other)).not.toBe(id);
  await restoreBackup({ ...backup, dataDir: empty });
  await restoreBackup({ ...backup, dataDir: other, replace: true });
  expect([await idIn(empty), await idIn(other)]).toEqual([id, id]);
});

test('a backup from before there were ids goes on as the store that it replaces', async () => {
  const backup = await backUpAtFour();
  const dataDir = makeFolder();
  const id = await idIn(dataDir);
  await restoreBackup({ ...backup, dataDir, replace: true });
  expect(await idIn(dataDir)).toBe(id);
  const empty = makeFolder();
  await restoreBackup({ ...backup, dataDir: empty });
  expect(await idIn(empty)).toMatch(uuid);
});

test('what is adopted goes on as the empty store in whose place it comes', async () => {
  const old = writeOldInstallation(makeFolder());
  const dataDir = makeFolder();
  const session = await WriterSession.open({ dataDir });
  session.close();
  await adoptStore({ sourcePath: old.database, storageDir: old.storage, dataDir });
  expect(await idIn(dataDir)).toBe(session.storeId);
});
