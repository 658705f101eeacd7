// Opening and initialising: what is in the database afterwards, how often it may be done, and what a failure leaves.

import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  makeFolder,
  objectNames,
  openManager,
  openRaw,
  withRaw,
} from '../../../tests/support/data-folder.ts';
import { isFull } from '../../../tests/support/full-forms.ts';
import { copyMigrations } from '../../../tests/support/migration-copies.ts';
import { startStoreProcess } from '../../../tests/support/store-processes.ts';
import { databasePath } from './data-dir.ts';
import { bundledMigrationsDir, latestVersion, loadMigrations } from './migrations.ts';

const latest = latestVersion(loadMigrations());
const versionRows = (dataDir: string) =>
  withRaw(databasePath(dataDir), (db) =>
    db.prepare('SELECT version, status FROM schema_migrations ORDER BY migration_id').all(),
  );

test('first-time initialisation makes the database, the schema and the folders for bytes', async () => {
  const dataDir = makeFolder();
  const manager = await openManager(dataDir);
  const result = manager.initialize();

  expect(result).toEqual({ schemaVersion: latest, applied: ['001', '002', '003', '004', '005'], healed: [] });
  const raw = openRaw(databasePath(dataDir));
  expect(objectNames(raw, 'table')).toEqual(
    expect.arrayContaining(['conversation_files', 'ledger', 'blobs']),
  );
  expect(raw.pragma('application_id', { simple: true })).toBe(0x46464c54);
  expect(raw.pragma('user_version', { simple: true })).toBe(5);
  expect(readdirSync(join(dataDir, 'blobs'))).toHaveLength(256);
  expect(existsSync(join(dataDir, 'tmp'))).toBe(true);
});

describe('the schema version', () => {
  test('is unknown before the first migration, although the base schema is there', async () => {
    const dataDir = makeFolder();
    const manager = await openManager(dataDir);
    expect(manager.getSchemaVersion()).toBe('unknown');
    const raw = openRaw(databasePath(dataDir));
    expect(raw.prepare('SELECT count(*) FROM schema_migrations').pluck().get()).toBe(0);
    expect(objectNames(raw, 'table')).toContain('conversation_files');
  });

  test('is recorded with description, time, duration and checksum', async () => {
    const dataDir = makeFolder();
    const manager = await openManager(dataDir, {
      clock: { nowMs: () => Date.UTC(2026, 0, 2, 3, 4, 5, 678) },
    });
    manager.initialize();
    const rows = withRaw(databasePath(dataDir), (db) =>
      db.prepare('SELECT * FROM schema_migrations ORDER BY version').all(),
    ) as Record<string, unknown>[];
    expect(rows).toMatchObject([
      {
        version: '001',
        description: 'conversation files',
        status: 'completed',
        applied_at: '2026-01-02 03:04:05',
      },
      { version: '002', description: 'fleet', status: 'completed', applied_at: '2026-01-02 03:04:05' },
      { version: '003', description: 'file life', status: 'completed', applied_at: '2026-01-02 03:04:05' },
      { version: '004', description: 'search', status: 'completed', applied_at: '2026-01-02 03:04:05' },
      { version: '005', description: 'store id', status: 'completed', applied_at: '2026-01-02 03:04:05' },
    ]);
    const checksums = loadMigrations().map((migration) => migration.checksum);
    expect(rows.map((row) => row.checksum)).toEqual(checksums);
    expect(rows.every((row) => Number.isInteger(row.execution_time_ms))).toBe(true);
  });

  test('is tracked step by step', async () => {
    const dataDir = makeFolder();
    const manager = await openManager(dataDir);
    expect(manager.initialize({ to: '001' })).toMatchObject({ schemaVersion: '001', applied: ['001'] });
    expect(versionRows(dataDir)).toEqual([{ version: '001', status: 'completed' }]);
    expect(manager.migrationStatus().map((row) => row.state)).toEqual([
      'applied',
      'pending',
      'pending',
      'pending',
      'pending',
    ]);
    expect(manager.initialize()).toMatchObject({
      schemaVersion: '005',
      applied: ['002', '003', '004', '005'],
    });
    expect(versionRows(dataDir)).toHaveLength(5);
  });
});

describe('initialising again', () => {
  test('does no harm: the same schema, the same rows', async () => {
    const dataDir = makeFolder();
    const manager = await openManager(dataDir);
    manager.initialize();
    const schema = () =>
      withRaw(databasePath(dataDir), (db) =>
        db.prepare('SELECT name, sql FROM sqlite_master ORDER BY name').all(),
      );
    const before = schema();
    manager
      .connection()
      .exec(`INSERT INTO conversation_files (file_id, session_id, original_filename, stored_filename, file_path, file_size, file_hash)
      VALUES ('f1', 's1', 'a', 'a', 'p', 1, 'h')`);
    expect(manager.initialize()).toEqual({ schemaVersion: latest, applied: [], healed: [] });
    expect(schema()).toEqual(before);
    expect(
      withRaw(databasePath(dataDir), (db) =>
        db.prepare('SELECT count(*) FROM conversation_files').pluck().get(),
      ),
    ).toBe(1);
  });

  test('many initialisations leave one row per version', async () => {
    const dataDir = makeFolder();
    for (let i = 0; i < 8; i++) {
      const manager = await openManager(dataDir);
      manager.initialize();
      manager.initialize();
      manager.close();
    }
    expect(versionRows(dataDir)).toHaveLength(5);
  });

  test('after a kill between opening and initialising goes on from the base schema', async () => {
    const dataDir = makeFolder();
    (await openManager(dataDir)).close();
    const manager = await openManager(dataDir);
    expect(manager.initialize().applied).toEqual(['001', '002', '003', '004', '005']);
  });
});

describe('several processes at once', () => {
  test.each(isFull ? [1, 2, 3] : [1])(
    'six initialise one new database together, round %i: all succeed, one row per version',
    async () => {
      const dataDir = join(makeFolder(), 'new');
      const processes = await Promise.all(
        Array.from({ length: 6 }, () => startStoreProcess('initialize', dataDir)),
      );
      const answers = await Promise.all(processes.map((process) => process.act()));

      expect(answers.map((answer) => answer.error)).toEqual(Array(6).fill(undefined));
      expect(answers.map((answer) => answer.ok)).toEqual(
        Array(6).fill(expect.objectContaining({ schemaVersion: latest, healed: [] })),
      );
      const applied = answers.flatMap((answer) => (answer.ok as { applied: string[] }).applied);
      expect(applied.sort()).toEqual(['001', '002', '003', '004', '005']);
      expect(versionRows(dataDir)).toHaveLength(5);
      const raw = openRaw(databasePath(dataDir));
      expect(raw.pragma('integrity_check', { simple: true })).toBe('ok');
      expect(raw.pragma('foreign_key_check')).toEqual([]);
    },
  );
});

describe('folders', () => {
  test('nested directories are created, for the owner and his group only', async () => {
    const dataDir = join(makeFolder(), 'a', 'b', 'c');
    (await openManager(dataDir)).initialize();
    expect(statSync(dataDir).mode & 0o777).toBe(0o750 & ~process.umask());
    expect(statSync(databasePath(dataDir)).mode & 0o777).toBe(0o640 & ~process.umask());
  });

  test.each([
    ['a file where a folder must be', (folder: string) => join(folder, 'file', 'data')],
    ['a NUL in the path', (folder: string) => `${folder}/a\0b`],
    ['no path', () => ''],
  ])('%s is refused with PATH_INVALID', async (_what, path) => {
    const folder = makeFolder();
    writeFileSync(join(folder, 'file'), 'x');
    await expect(openManager(path(folder))).rejects.toMatchObject({
      name: 'StoreError',
      code: 'PATH_INVALID',
    });
    expect(readdirSync(folder)).toEqual(['file']);
  });

  test('a directory in the place of the database is refused and left alone', async () => {
    const dataDir = makeFolder();
    mkdirSync(databasePath(dataDir));
    await expect(openManager(dataDir)).rejects.toMatchObject({ code: 'PATH_INVALID' });
    expect(readdirSync(dataDir)).toEqual(['conversation_files.db']);
  });
});

describe('initialisation failure', () => {
  test('an invalid schema path raises PATH_INVALID before any file is made', async () => {
    const dataDir = join(makeFolder(), 'data');
    const migrationsDir = join(makeFolder(), 'nowhere');
    await expect(openManager(dataDir, { migrationsDir })).rejects.toMatchObject({ code: 'PATH_INVALID' });
    expect(existsSync(dataDir)).toBe(false);
  });

  test('in the middle of a migration raises MIGRATION_FAILED and leaves nothing half-made', async () => {
    const dataDir = makeFolder();
    const migrationsDir = copyMigrations(makeFolder(), bundledMigrationsDir, {
      '002_fleet.up.sql': (sql) => `${sql}\nCREATE TABLE oops (a);\nINSERT INTO no_such_table VALUES (1);`,
    });
    const manager = await openManager(dataDir, { migrationsDir });
    expect(() => manager.initialize()).toThrow(expect.objectContaining({ code: 'MIGRATION_FAILED' }));

    const raw = openRaw(databasePath(dataDir));
    expect(objectNames(raw, 'table')).toHaveLength(6);
    expect(raw.pragma('user_version', { simple: true })).toBe(1);
    expect(versionRows(dataDir)).toEqual([{ version: '001', status: 'completed' }]);
    expect(manager.connection().inTransaction).toBe(false);
    expect(manager.connection().pragma('foreign_keys', { simple: true })).toBe(1);
    const healthy = await openManager(dataDir);
    expect(healthy.initialize().applied).toEqual(['002', '003', '004', '005']);
  });

  test('of the base schema leaves a database without tables', async () => {
    const dataDir = makeFolder();
    const migrationsDir = copyMigrations(makeFolder(), bundledMigrationsDir, {
      '001_conversation_files.up.sql': (sql) => `${sql}\nINSERT INTO no_such_table VALUES (1);`,
    });
    await expect(openManager(dataDir, { migrationsDir })).rejects.toMatchObject({ code: 'MIGRATION_FAILED' });
    withRaw(databasePath(dataDir), (db) => expect(objectNames(db, 'table')).toEqual([]));
    expect((await openManager(dataDir)).initialize().schemaVersion).toBe(latest);
  });
});

test('a closed manager says so, and closing it again does no harm', async () => {
  const manager = await openManager(makeFolder());
  manager.close();
  manager.close();
  expect(() => manager.initialize()).toThrow(expect.objectContaining({ code: 'CLOSED' }));
});
