// Backups and adoption by hand, while no writer runs: what each command answers, and how it refuses.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { acquireWriterLock } from '@filefleet/store';
import { beforeEach, expect, test } from 'vitest';
import { writeOldInstallation } from '../../../../tests/support/autobot-storage.ts';
import { askFilefleet, type Said } from '../../../../tests/support/command-line.ts';
import { makeFolder } from '../../../../tests/support/data-folder.ts';

let folder: string;
let dataDir: string;

beforeEach(() => {
  folder = makeFolder();
  dataDir = join(folder, 'data');
});

const ask = (...args: string[]): Promise<Said> => askFilefleet({ FILEFLEET_DATA_DIR: dataDir }, ...args);

test('an old installation is looked at, adopted, backed up, verified, pruned and restored elsewhere', async () => {
  const old = writeOldInstallation(join(folder, 'old'));
  const planned = await ask('adopt', old.database, old.storage, '--dry-run');
  expect(planned).toMatchObject({ exitCode: 0, value: { dryRun: true, rows: expect.any(Array) } });
  const adopted = await ask('adopt', old.database, old.storage);
  expect(adopted).toMatchObject({
    exitCode: 0,
    value: { tables: planned.value.tables, contents: planned.value.contents },
  });
  expect(await ask('adopt', old.database, old.storage)).toMatchObject({
    exitCode: 78,
    value: { error: { code: 'DATA_PRESENT' } },
  });

  const first = await ask('backup', 'create');
  const second = await ask('backup', 'create');
  expect([first, second]).toMatchObject([
    { exitCode: 0, value: { blobs: 1, missing: 0 } },
    { exitCode: 0, value: { blobs: 0 } },
  ]);
  expect(await ask('backup', 'verify', first.value.name)).toMatchObject({ exitCode: 0, value: { ok: true } });
  expect((await ask('backup', 'ls')).value.backups).toMatchObject([
    { name: first.value.name, verdict: { ok: true } },
    { name: second.value.name },
  ]);
  expect(await ask('backup', 'prune', '--keep', '1')).toMatchObject({
    exitCode: 0,
    value: { removed: [first.value.name], blobs: 0 },
  });

  const elsewhere = {
    FILEFLEET_DATA_DIR: join(folder, 'new'),
    FILEFLEET_BACKUP_DIR: join(dataDir, 'backups'),
  };
  expect(await askFilefleet(elsewhere, 'backup', 'restore', second.value.name)).toMatchObject({
    exitCode: 0,
    value: { missing: 0 },
  });
  expect(await askFilefleet(elsewhere, 'verify', '--deep')).toMatchObject({
    exitCode: 0,
    value: { ok: true },
  });

  rmSync(join(dataDir, 'backups', second.value.name, 'conversation_files.db'));
  expect(await ask('backup', 'verify')).toMatchObject({
    exitCode: 1,
    value: { ok: false, faults: [expect.stringMatching(/no database/)] },
  });
});

test('what cannot be meant, and what is not there, has a code', async () => {
  expect(await ask('backup', 'create')).toMatchObject({
    exitCode: 78,
    value: { error: { code: expect.any(String) } },
  });
  expect(await ask('backup', 'ls')).toMatchObject({ exitCode: 0, value: { backups: [] } });
  expect(await ask('backup', 'verify')).toMatchObject({ exitCode: 1 });
  expect(await ask('backup', 'restore', 'yesterday')).toMatchObject({
    exitCode: 1,
    value: { error: { code: 'BACKUP_UNKNOWN' } },
  });
  expect(await ask('backup', 'prune', '--keep', '0')).toMatchObject({ exitCode: 2 });
  const lock = acquireWriterLock(dataDir, 'test');
  expect(await ask('backup', 'create', '--to', folder)).toMatchObject({
    exitCode: 2,
    value: { error: { code: 'USAGE' } },
  });
  lock.release();
});
