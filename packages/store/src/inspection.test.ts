// Files that are not ours to open: each is refused by name, and stays byte-identical with its folder.

import {
  closeSync,
  openSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  fingerprint,
  makeFolder,
  objectNames,
  openManager,
  withRaw,
} from '../../../tests/support/data-folder.ts';
import { copyMigrations } from '../../../tests/support/migration-copies.ts';
import { openWriterConnection } from './connection.ts';
import { databasePath } from './data-dir.ts';
import { inspectDatabase } from './inspection.ts';
import { bundledMigrationsDir, loadMigrations } from './migrations.ts';

async function expectRefusedUntouched(dataDir: string, code: string): Promise<void> {
  const before = fingerprint(dataDir);
  await expect(openManager(dataDir)).rejects.toMatchObject({ name: 'StoreError', code });
  expect(fingerprint(dataDir)).toEqual(before);
}

async function makeDatabase(): Promise<string> {
  const dataDir = makeFolder();
  const manager = await openManager(dataDir);
  manager.initialize();
  manager.close();
  return dataDir;
}

function overwrite(path: string, offset: number, bytes: Uint8Array): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, bytes, 0, bytes.length, offset);
  closeSync(fd);
}

describe('a corrupt database file is refused and untouched', () => {
  test('a text file', async () => {
    const dataDir = makeFolder();
    writeFileSync(databasePath(dataDir), `This is no database. ${'x'.repeat(5_000)}`);
    await expectRefusedUntouched(dataDir, 'DATABASE_CORRUPT');
  });

  test('a file shorter than a header', async () => {
    const dataDir = makeFolder();
    writeFileSync(databasePath(dataDir), 'SQLite format 3\0');
    await expectRefusedUntouched(dataDir, 'DATABASE_CORRUPT');
  });

  test.each([
    ['the magic', 3, [0x00]],
    ['the page size', 16, [0x13, 0x37]],
    ['the format version', 18, [9, 9]],
    ['the payload fractions', 21, [1, 2, 3]],
    ['the text encoding', 59, [9]],
  ])('a header with %s flipped', async (_what, offset, bytes) => {
    const dataDir = await makeDatabase();
    overwrite(databasePath(dataDir), offset, Uint8Array.from(bytes));
    await expectRefusedUntouched(dataDir, 'DATABASE_CORRUPT');
  });

  test('a truncated file', async () => {
    const dataDir = await makeDatabase();
    truncateSync(databasePath(dataDir), 3 * 4_096);
    await expectRefusedUntouched(dataDir, 'DATABASE_CORRUPT');
  });

  test('a schema page full of noise', async () => {
    const dataDir = await makeDatabase();
    overwrite(databasePath(dataDir), 100, new Uint8Array(3_900).fill(0xa5));
    await expectRefusedUntouched(dataDir, 'DATABASE_CORRUPT');
  });

  test('a root page of a table full of noise', async () => {
    const dataDir = await makeDatabase();
    const page = withRaw(databasePath(dataDir), (db) =>
      Number(db.prepare("SELECT rootpage FROM sqlite_master WHERE name = 'schema_migrations'").pluck().get()),
    );
    overwrite(databasePath(dataDir), (page - 1) * 4_096, new Uint8Array(4_096).fill(0xa5));
    await expectRefusedUntouched(dataDir, 'DATABASE_CORRUPT');
  });
});

describe('a foreign database is refused and untouched', () => {
  test('one with tables of another program', async () => {
    const dataDir = makeFolder();
    withRaw(databasePath(dataDir), (db) =>
      db.exec('CREATE TABLE invoices (id); INSERT INTO invoices VALUES (1)'),
    );
    await expectRefusedUntouched(dataDir, 'DATABASE_FOREIGN');
  });

  test('one in WAL mode: no -wal and -shm are left behind', async () => {
    const dataDir = makeFolder();
    withRaw(databasePath(dataDir), (db) => {
      db.pragma('journal_mode = WAL');
      db.exec('CREATE TABLE invoices (id); INSERT INTO invoices VALUES (1)');
    });
    await expectRefusedUntouched(dataDir, 'DATABASE_FOREIGN');
  });

  test('one with another application id, also when it has no tables', async () => {
    const dataDir = makeFolder();
    withRaw(databasePath(dataDir), (db) => db.pragma('application_id = 42'));
    await expectRefusedUntouched(dataDir, 'DATABASE_FOREIGN');
  });
});

describe('a database newer than the program is refused and untouched', () => {
  const addsOne = {
    '006_next.up.sql': () => 'CREATE TABLE next (a);',
    '006_next.down.sql': () => 'DROP TABLE next;',
  };
  const newer = () =>
    copyMigrations(makeFolder(), bundledMigrationsDir, {
      ...addsOne,
      '006_next.loss.sql': () => "SELECT 'next' AS what, count(*) AS rows FROM next",
    });

  test('by its recorded version', async () => {
    const dataDir = makeFolder();
    const manager = await openManager(dataDir, { migrationsDir: newer() });
    expect(manager.initialize().schemaVersion).toBe('006');
    manager.close();
    await expectRefusedUntouched(dataDir, 'SCHEMA_NEWER');
  });

  test('by a row that a newer program may have written without its header', async () => {
    const dataDir = await makeDatabase();
    withRaw(databasePath(dataDir), (db) =>
      db.exec("INSERT INTO schema_migrations (version, description) VALUES ('017', 'later')"),
    );
    await expectRefusedUntouched(dataDir, 'SCHEMA_NEWER');
  });

  test('while its changes are still in the -wal of a killed writer', async () => {
    const dataDir = await makeDatabase();
    const other = makeFolder();
    const db = new SQLite(databasePath(dataDir));
    onTestFinished(() => {
      db.close();
    });
    db.exec("INSERT INTO schema_migrations (version, description) VALUES ('006', 'later')");
    // What a kill leaves: the files as they are, without the last close.
    for (const suffix of ['', '-wal']) {
      writeFileSync(databasePath(other) + suffix, readFileSync(databasePath(dataDir) + suffix));
    }
    const before = fingerprint(other);
    await expect(openManager(other)).rejects.toMatchObject({ code: 'SCHEMA_NEWER' });
    expect(fingerprint(other)).toMatchObject(before);
  });

  test('and a version that no program of ours has is refused by another name', async () => {
    const dataDir = await makeDatabase();
    withRaw(databasePath(dataDir), (db) =>
      db.exec("INSERT INTO schema_migrations (version, description) VALUES ('001b', 'patched')"),
    );
    await expectRefusedUntouched(dataDir, 'MIGRATION_UNKNOWN');
  });
});

describe('what may be opened', () => {
  test('an empty file counts as no database yet: a start may have been killed right after creating it', async () => {
    const dataDir = makeFolder();
    writeFileSync(databasePath(dataDir), '');
    expect((await openManager(dataDir)).initialize().applied).toEqual(['001', '002', '003', '004', '005']);
  });

  test('a database without tables and without an application id', async () => {
    const dataDir = makeFolder();
    withRaw(databasePath(dataDir), (db) => db.exec('CREATE TABLE t (a); DROP TABLE t'));
    await openManager(dataDir);
    withRaw(databasePath(dataDir), (db) => expect(objectNames(db, 'table')).toHaveLength(6));
  });

  test('a database behind a symbolic link', async () => {
    const dataDir = await makeDatabase();
    const other = makeFolder();
    symlinkSync(databasePath(dataDir), databasePath(other));
    expect((await openManager(other)).getSchemaVersion()).toBe('005');
  });

  test('a look does not drop the locks of a connection that this process has open', async () => {
    const dataDir = await makeDatabase();
    const path = databasePath(dataDir);
    const db = openWriterConnection(path);
    onTestFinished(() => {
      db.close();
    });
    const locks = () =>
      readFileSync('/proc/locks', 'utf8')
        .split('\n')
        .filter((line) => line.includes(` ${process.pid} `)).length;
    const before = locks();
    expect(before).toBeGreaterThan(0);
    expect(inspectDatabase(path, loadMigrations())).toBe('ours');
    expect(locks()).toBe(before);
  });
});

test('the folder of a refused database gets no folders for bytes', async () => {
  const dataDir = makeFolder();
  writeFileSync(join(dataDir, 'notes.txt'), 'mine');
  writeFileSync(databasePath(dataDir), 'nonsense '.repeat(100));
  await expectRefusedUntouched(dataDir, 'DATABASE_CORRUPT');
});
