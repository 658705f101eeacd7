// kill -9 at every step of an adoption: there is no store, a whole one, or a mark; again finishes it, and the original is never
// touched.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { adoptStore, verifyStore, WriterSession } from '@filefleet/store';
import { expect, test } from 'vitest';
import { writeOldInstallation } from '../support/autobot-storage.ts';
import { fingerprint, makeFolder } from '../support/data-folder.ts';
import { databaseFile, value } from '../support/database.ts';
import { casesOf } from '../support/full-forms.ts';
import { killAt, passingsOf } from '../support/killing-at-steps.ts';
import { useMemoryFolders } from '../support/memory-folders.ts';

useMemoryFolders();

test('a killed adoption leaves nothing, all, or a mark that keeps writers out; again finishes it', async () => {
  const old = writeOldInstallation(makeFolder());
  const before = fingerprint(old.folder);
  const order = {
    action: 'adopt',
    backupDir: '',
    name: '',
    sourcePath: old.database,
    storageDir: old.storage,
  } as const;
  const whole = join(makeFolder(), 'data');
  const all = await passingsOf({ ...order, dataDir: whole });
  const files = value(whole, 'SELECT count(*) FROM conversation_files');
  const blobs = value(whole, 'SELECT count(*) FROM blobs');
  expect(all.length).toBeGreaterThan(15);
  const telling = /^(adopt\.(batch|built)|switch\.(begun|new-database))$/;
  for (const { step, nth } of casesOf('tests/scenarios/adopt-kills', all, (one) => telling.test(one.step))) {
    const dataDir = join(makeFolder(), 'data');
    await killAt({ ...order, dataDir, step, nth });
    const isMarked = existsSync(join(dataDir, 'restore.json'));
    const isThere = !isMarked && existsSync(databaseFile(dataDir));
    expect([step, isMarked, isThere]).toEqual([
      step,
      step.startsWith('switch.') && !/before|done/.test(step),
      step === 'switch.done',
    ]);
    if (isMarked) {
      const refused = {
        code: 'RESTORE_UNFINISHED',
        message: expect.stringContaining(`filefleet adopt ${old.database}`),
      };
      await expect(WriterSession.open({ dataDir })).rejects.toMatchObject(refused);
    }
    const again = adoptStore({
      sourcePath: old.database,
      storageDir: old.storage,
      dataDir,
      inlineBytes: 1_000,
    });
    if (isThere) await expect(again).rejects.toMatchObject({ code: 'DATA_PRESENT' });
    else await again;
    expect(value(dataDir, 'SELECT count(*) FROM conversation_files')).toBe(files);
    expect(value(dataDir, 'SELECT count(*) FROM blobs')).toBe(blobs);
    for await (const { name, faults } of verifyStore({ dataDir, deep: true }))
      expect([step, name, faults]).toEqual([step, name, []]);
  }
  expect(fingerprint(old.folder)).toEqual(before);
});
