// Up, down and up again, with data at each step; what the runner refuses; and that released migrations stay as they are.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeFolder, objectNames, openManager, withRaw } from '../../../tests/support/data-folder.ts';
import { copyMigrations } from '../../../tests/support/migration-copies.ts';
import { databasePath } from './data-dir.ts';
import { expectedObjects } from './expected-objects.ts';
import { bundledMigrationsDir, loadMigrations } from './migrations.ts';

const migrations = loadMigrations();
const digest = 'd'.repeat(64);
const insertFile = `INSERT INTO conversation_files (file_id, session_id, original_filename, stored_filename, file_path, file_size, file_hash, uploaded_at)
  VALUES ('f1', 's1', 'a.txt', 'f1', 'p', 5, '${digest}', '2026-01-02 03:04:05');`;
const insertFleetRows = `
  UPDATE conversation_files SET vm = 'vm5', uploaded_at_ms = 1767323045678;
  INSERT INTO ledger VALUES ('op', 'file-store', 'vm5', 's1', '', 'applied', NULL, '{}', 1, 1);
  INSERT INTO blobs (blob_id, digest, size, location, name, mime_type, created_at_ms) VALUES (1, '${digest}', 5, 'inline', NULL, NULL, 1);
  INSERT INTO blob_bytes VALUES (1, x'68656c6c6f');
  INSERT INTO audit_entries (at_ms, action, file_id, commit_sequence) VALUES (1, 'file-store', 'f1', 1);`;

const objectsOf = (dataDir: string) =>
  withRaw(databasePath(dataDir), (db) =>
    (['table', 'index', 'trigger', 'view'] as const).map((type) => objectNames(db, type)),
  );
const expectedAt = (version: string) =>
  (['table', 'index', 'trigger', 'view'] as const).map((type) =>
    [...expectedObjects(migrations, version).values()]
      .filter((object) => object.type === type)
      .map(({ name }) => name)
      .sort(),
  );

describe('migration rollback', () => {
  test('down and up again at each step keeps what the version below can hold', async () => {
    const dataDir = makeFolder();
    const manager = await openManager(dataDir);
    manager.initialize({ to: '001' });
    manager.connection().exec(insertFile);
    manager.migrateUp();
    expect(manager.planDown({ to: '001' })).toMatchObject({
      steps: ['005', '004', '003', '002'],
      losses: [],
    });

    expect(manager.migrateDown({ to: '001', discard: false })).toEqual(['005', '004', '003', '002']);
    expect(objectsOf(dataDir)).toEqual(expectedAt('001'));
    expect(manager.getSchemaVersion()).toBe('001');
    const file = () =>
      withRaw(databasePath(dataDir), (db) => db.prepare('SELECT * FROM conversation_files').get());
    expect(file()).toMatchObject({
      file_id: 'f1',
      original_filename: 'a.txt',
      uploaded_at: '2026-01-02 03:04:05',
    });
    expect(Object.keys(file() as object)).toHaveLength(12);

    expect(manager.migrateUp()).toEqual(['002', '003', '004', '005']);
    expect(file()).toMatchObject({ file_id: 'f1', uploaded_at_ms: Date.UTC(2026, 0, 2, 3, 4, 5) });
    expect(manager.initialize().healed).toEqual([]);
  });

  test('down from 002 refuses with a list of what would be lost, and discards when told to', async () => {
    const dataDir = makeFolder();
    const manager = await openManager(dataDir);
    manager.initialize();
    manager.connection().exec(insertFile + insertFleetRows);

    const { losses } = manager.planDown({ to: '001' });
    expect(losses.map(({ what, rows }) => `${rows} ${what}`)).toEqual([
      expect.stringMatching(/^1 receipts in the ledger/),
      expect.stringMatching(/^1 contents kept inside the database/),
      expect.stringMatching(/^1 audit entries/),
      '1 files whose VM is known',
      '1 upload times to the millisecond',
    ]);
    expect(() => manager.migrateDown({ to: '001', discard: false })).toThrow(
      expect.objectContaining({ code: 'WOULD_LOSE_DATA', facts: { losses } }),
    );
    expect(manager.getSchemaVersion()).toBe('005');
    expect(
      withRaw(databasePath(dataDir), (db) => db.prepare('SELECT count(*) FROM ledger').pluck().get()),
    ).toBe(1);

    expect(manager.migrateDown({ to: '001', discard: true })).toEqual(['005', '004', '003', '002']);
    expect(objectsOf(dataDir)).toEqual(expectedAt('001'));
    withRaw(databasePath(dataDir), (db) => {
      expect(db.prepare('SELECT file_id FROM conversation_files').pluck().all()).toEqual(['f1']);
      expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    });
  });

  test.each(['none', '000'])(
    'down to %s leaves a database without tables, and up starts anew',
    async (to) => {
      const dataDir = makeFolder();
      const manager = await openManager(dataDir);
      manager.initialize();
      manager.connection().exec(insertFile);
      expect(() => manager.migrateDown({ to, discard: false })).toThrow(/1 conversation files/);
      expect(manager.migrateDown({ to, discard: true })).toEqual(['005', '004', '003', '002', '001']);
      expect(objectsOf(dataDir)).toEqual([[], [], [], []]);
      expect(manager.getSchemaVersion()).toBe('unknown');
      expect(manager.initialize().applied).toEqual(['001', '002', '003', '004', '005']);
      manager.close();
      expect((await openManager(dataDir)).getSchemaVersion()).toBe('005');
    },
  );

  test('a step down that fails leaves everything, the steps before it included', async () => {
    const dataDir = makeFolder();
    const migrationsDir = copyMigrations(makeFolder(), bundledMigrationsDir, {
      '001_conversation_files.down.sql': (sql) => `${sql}\nDROP TABLE no_such_table;`,
    });
    const manager = await openManager(dataDir, { migrationsDir });
    manager.initialize();
    expect(() => manager.migrateDown({ to: 'none', discard: true })).toThrow(
      expect.objectContaining({ code: 'MIGRATION_FAILED' }),
    );
    expect(objectsOf(dataDir)).toEqual(expectedAt('005'));
    expect(manager.getSchemaVersion()).toBe('005');
    expect(manager.connection().pragma('foreign_keys', { simple: true })).toBe(1);
  });

  test('a plan holds only while nothing changes: another target, a commit, one row more make it stale', async () => {
    const dataDir = makeFolder();
    const manager = await openManager(dataDir);
    manager.initialize();
    const { planId } = manager.planDown({ to: '001' });
    expect(manager.planDown({ to: '001' }).planId).toBe(planId);
    const apply = (to: string) => () => manager.migrateDown({ to, discard: true, planId });
    const stale = expect.objectContaining({ code: 'PLAN_STALE' });
    expect(apply('002')).toThrow(stale);
    const changes = [
      'UPDATE commit_state SET commit_sequence = commit_sequence + 1 WHERE id = 1',
      "INSERT INTO plans (plan_id, kind, request, vm, state, created_at_ms, expires_at_ms) VALUES ('p', 'sweep', '{}', 'vm1', 'ready', 1, 2)",
    ];
    for (const change of changes) {
      const db = manager.connection();
      db.exec(`SAVEPOINT change; ${change}`);
      expect(manager.planDown({ to: '001' }).planId).not.toBe(planId);
      db.exec('ROLLBACK TO change; RELEASE change');
    }
    withRaw(databasePath(dataDir), (db) => db.exec(changes.join(';')));
    expect(apply('001')).toThrow(stale);
    expect(manager.getSchemaVersion()).toBe('005');
    const now = manager.planDown({ to: '001' });
    expect(manager.migrateDown({ to: '001', discard: true, planId: now.planId })).toEqual([
      '005',
      '004',
      '003',
      '002',
    ]);
  });

  test('down to the version that is there does nothing', async () => {
    const manager = await openManager(makeFolder());
    manager.initialize();
    expect(manager.migrateDown({ to: '005', discard: false })).toEqual([]);
  });

  // What the step up, or the writer, works out again from the rest.
  const workedOutAgain: Record<string, string[]> = {
    '001': ['schema_migrations'],
    '003': [
      'maintenance',
      'plan_rows',
      'audit_state',
      'session_usage',
      'blob_usage',
      'usage',
      'unreferenced_blobs',
    ],
    '004': ['search_notes', 'search_state', 'file_search'],
    // Left where the step up finds it.
    '005': ['store'],
  };

  test('every table that a step down drops is counted by its loss query, or can be worked out again', () => {
    for (const { version, downSql, lossSql } of migrations) {
      const dropped = [...downSql.matchAll(/^DROP TABLE (\w+)/gm)].map(([, name]) => String(name));
      expect(dropped.length).toBeGreaterThan(0);
      const uncounted = dropped.filter((name) => !new RegExp(`FROM ${name}\\b`).test(lossSql));
      expect({ version, uncounted }).toEqual({ version, uncounted: workedOutAgain[version] ?? [] });
    }
  });
});

describe('refused', () => {
  test('a version that nobody has', async () => {
    const manager = await openManager(makeFolder());
    manager.initialize();
    for (const act of [() => manager.initialize({ to: '017' }), () => manager.planDown({ to: '2' })]) {
      expect(act).toThrow(expect.objectContaining({ code: 'MIGRATION_UNKNOWN' }));
    }
  });

  test('a migration that was edited after it was applied', async () => {
    const dataDir = makeFolder();
    (await openManager(dataDir)).initialize();
    const migrationsDir = copyMigrations(makeFolder(), bundledMigrationsDir, {
      '002_fleet.up.sql': (sql) => `${sql}\n-- just a comment`,
    });
    await expect(openManager(dataDir, { migrationsDir })).rejects.toMatchObject({
      code: 'MIGRATION_EDITED',
      facts: { version: '002' },
    });
  });

  test('a step that leaves orphans behind', async () => {
    const dataDir = makeFolder();
    const migrationsDir = copyMigrations(makeFolder(), bundledMigrationsDir, {
      '006_orphans.up.sql': () => "INSERT INTO file_metadata (file_id, metadata_key) VALUES ('gone', 'k');",
      '006_orphans.down.sql': () => 'SELECT 1;',
      '006_orphans.loss.sql': () => "SELECT '' AS what, 0 AS rows",
    });
    const manager = await openManager(dataDir, { migrationsDir });
    expect(() => manager.initialize()).toThrow(expect.objectContaining({ code: 'MIGRATION_FAILED' }));
    expect(manager.getSchemaVersion()).toBe('005');
    expect(
      withRaw(databasePath(dataDir), (db) => db.prepare('SELECT count(*) FROM file_metadata').pluck().get()),
    ).toBe(0);
  });

  test('migrations with a gap', async () => {
    const migrationsDir = copyMigrations(makeFolder(), bundledMigrationsDir, {
      '007_far.up.sql': () => 'SELECT 1;',
    });
    await expect(openManager(makeFolder(), { migrationsDir })).rejects.toMatchObject({
      code: 'PATH_INVALID',
    });
  });
});

test('a table rebuild does not delete the rows that refer to the table', async () => {
  const dataDir = makeFolder();
  const migrationsDir = copyMigrations(makeFolder(), bundledMigrationsDir, {
    '006_rebuild.up.sql': () => `
      CREATE TABLE rebuilt AS SELECT * FROM conversation_files;
      DROP TABLE conversation_files;
      ${expectedObjects(migrations, '005').get('conversation_files')?.sql};
      INSERT INTO conversation_files SELECT * FROM rebuilt;
      DROP TABLE rebuilt;`,
    '006_rebuild.down.sql': () => 'SELECT 1;',
    '006_rebuild.loss.sql': () => "SELECT '' AS what, 0 AS rows",
  });
  const manager = await openManager(dataDir, { migrationsDir });
  manager.initialize({ to: '005' });
  manager
    .connection()
    .exec(`${insertFile} INSERT INTO file_metadata (file_id, metadata_key) VALUES ('f1', 'k')`);
  manager.initialize();
  expect(
    withRaw(databasePath(dataDir), (db) => db.prepare('SELECT count(*) FROM file_metadata').pluck().get()),
  ).toBe(1);
});

test('released migrations are never edited: their checksums are on record', () => {
  // Made by: sha256sum *.up.sql *.down.sql > checksums.sha256
  const recorded = readFileSync(join(bundledMigrationsDir, 'checksums.sha256'), 'utf8');
  const names = migrations.flatMap(({ version, description }) =>
    ['up', 'down'].map((kind) => `${version}_${description.replaceAll(' ', '_')}.${kind}.sql`),
  );
  const actual = names.map((name) => {
    const bytes = readFileSync(join(bundledMigrationsDir, name));
    return `${createHash('sha256').update(bytes).digest('hex')}  ${name}`;
  });
  expect(recorded.trim().split('\n').sort()).toEqual(actual.sort());
});
