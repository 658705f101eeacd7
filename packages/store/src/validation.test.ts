// What initialising notices in a database that somebody damaged, what it puts back, and what it must not.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { makeFolder, objectNames, openManager, withRaw } from '../../../tests/support/data-folder.ts';
import { databasePath } from './data-dir.ts';
import { expectedObjects } from './expected-objects.ts';
import { checkIntegrity } from './integrity.ts';
import { loadMigrations } from './migrations.ts';
import { isSearchObject } from './search/objects.ts';
import { findDifferences } from './validation.ts';

/** A closed database at a version, damaged by some SQL. */
async function makeDamaged(damage: string, to = '005'): Promise<string> {
  const dataDir = makeFolder();
  const manager = await openManager(dataDir);
  manager.initialize({ to });
  manager.close();
  withRaw(databasePath(dataDir), (db) => {
    db.pragma('foreign_keys = OFF');
    db.exec(damage);
  });
  return dataDir;
}

const schemaOf = (dataDir: string) =>
  withRaw(databasePath(dataDir), (db) =>
    db.prepare('SELECT type, name, tbl_name FROM sqlite_master ORDER BY name').all(),
  );
const insertFile = `INSERT INTO conversation_files (file_id, session_id, original_filename, stored_filename, file_path, file_size, file_hash)
  VALUES ('f1', 's1', 'a', 'a', 'p', 1, 'h');`;

describe('the integrity of a complete schema', () => {
  test.each(['001', '002', '003', '004', '005'])('at %s there is nothing to find', async (to) => {
    const manager = await openManager(makeFolder());
    manager.initialize({ to });
    expect(findDifferences(manager.connection(), loadMigrations())).toEqual([]);
    expect(checkIntegrity(manager.connection())).toEqual({ faults: [], orphans: [], differences: [] });
  });
});

describe('put back and reported', () => {
  const base = [...expectedObjects(loadMigrations(), '001').values()];
  const sideTables = base
    .filter(
      ({ type, name }) => type === 'table' && !['conversation_files', 'schema_migrations'].includes(name),
    )
    .map(({ name }) => name);
  const others = [...expectedObjects(loadMigrations(), '005').values()].filter(
    ({ type }) => type !== 'table',
  );

  test('there are four side tables', () => expect(sideTables).toHaveLength(4));

  test.each(sideTables)(
    'a missing table is detected and put back with its indexes and triggers: %s',
    async (table) => {
      const dataDir = await makeDamaged(`DROP TABLE ${table}`);
      const undamaged = await makeDamaged('');
      const { healed } = (await openManager(dataDir)).initialize();
      expect(healed).toContain(table);
      expect(schemaOf(dataDir)).toEqual(schemaOf(undamaged));
    },
  );

  test('every missing index, trigger and view, in one go', async () => {
    const damage = others.map(({ type, name }) => `DROP ${type} ${name};`).join('\n');
    const dataDir = await makeDamaged(damage);
    const undamaged = await makeDamaged('');
    const { healed } = (await openManager(dataDir)).initialize();
    expect([...healed].sort()).toEqual(others.map(({ name }) => name).sort());
    expect(schemaOf(dataDir)).toEqual(schemaOf(undamaged));
    expect((await openManager(dataDir)).initialize().healed).toEqual([]);
  });

  test.each([
    [
      'an index on other columns',
      'idx_session_associations_file',
      'DROP INDEX idx_session_associations_file; CREATE INDEX idx_session_associations_file ON session_file_associations (message_id)',
    ],
    [
      'a unique index that is not unique any more',
      'idx_session_associations_message',
      "DROP INDEX idx_session_associations_message; CREATE INDEX idx_session_associations_message ON session_file_associations (session_id, file_id, COALESCE(message_id, ''))",
    ],
    [
      'a trigger that does something else',
      'trg_conversation_files_soft_delete',
      'DROP TRIGGER trg_conversation_files_soft_delete; CREATE TRIGGER trg_conversation_files_soft_delete AFTER UPDATE ON conversation_files BEGIN SELECT 1; END',
    ],
    [
      'a view that does not answer',
      'v_active_files',
      'DROP VIEW v_active_files; CREATE VIEW v_active_files AS SELECT gone FROM conversation_files',
    ],
  ])('%s', async (_what, name, damage) => {
    const dataDir = await makeDamaged(damage);
    expect((await openManager(dataDir)).initialize().healed).toEqual([name]);
    const undamaged = await makeDamaged('');
    const sqlOf = (folder: string) =>
      withRaw(databasePath(folder), (db) =>
        db.prepare('SELECT sql FROM sqlite_master WHERE name = ?').pluck().get(name),
      );
    expect(sqlOf(dataDir)).toBe(sqlOf(undamaged));
  });

  test.each(['001', '002', '003', '004', '005'])(
    'conversation_files of an empty database at %s',
    async (to) => {
      const dataDir = await makeDamaged('DROP TABLE conversation_files', to);
      const { healed } = (await openManager(dataDir)).initialize({ to });
      expect(healed).toContain('conversation_files');
      withRaw(databasePath(dataDir), (db) =>
        expect(objectNames(db, 'table')).toContain('conversation_files'),
      );
    },
  );

  const inIndex = `UPDATE search_state SET through = 7, merging = 1;
    INSERT INTO file_search (rowid, text) VALUES (7, 'indexed once');`;
  test.each([
    ['its table', `${inIndex} DROP TABLE file_search`],
    ['its state', `${inIndex} DROP TABLE search_state`],
    ['its notes', `${inIndex} DROP TABLE search_notes`],
    [
      'a trigger, so that notes may be missing',
      `${inIndex} DROP TRIGGER trg_conversation_files_search_rename`,
    ],
    [
      'another table in its place',
      'DROP TABLE file_search; CREATE VIRTUAL TABLE file_search USING fts5(other)',
    ],
  ])('the index of the search is begun anew when it lacks %s', async (_what, damage) => {
    const dataDir = await makeDamaged(damage);
    const undamaged = await makeDamaged('');
    const manager = await openManager(dataDir);
    expect(manager.initialize().healed).not.toEqual([]);
    expect(manager.initialize().healed).toEqual([]);
    expect(schemaOf(dataDir)).toEqual(schemaOf(undamaged));
    const contents = (folder: string) =>
      withRaw(databasePath(folder), (db) =>
        ['search_state', 'search_notes', 'file_search', 'file_search_config'].map((table) =>
          db.prepare(`SELECT * FROM ${table}`).all(),
        ),
      );
    expect(contents(dataDir)).toEqual(contents(undamaged));
  });

  test('a side table of a 001 database before 002 needs it', async () => {
    const dataDir = await makeDamaged('DROP TABLE file_cleanup_queue', '001');
    const result = (await openManager(dataDir)).initialize();
    expect(result).toMatchObject({ schemaVersion: '005', applied: ['002', '003', '004', '005'] });
    expect(result.healed).toContain('file_cleanup_queue');
  });
});

describe('never put back empty', () => {
  const base = expectedObjects(loadMigrations(), '001');
  const fleetTables = [...expectedObjects(loadMigrations(), '005').values()]
    .filter((object) => object.type === 'table' && !base.has(object.name) && !isSearchObject(object))
    .map(({ name }) => name);

  test.each(fleetTables)('%s: SCHEMA_DAMAGED names it and nothing is changed', async (table) => {
    const dataDir = await makeDamaged(`DROP TABLE ${table}; DROP VIEW v_active_files`);
    const before = readFileSync(databasePath(dataDir));
    await expect(openManager(dataDir)).rejects.toMatchObject({
      code: 'SCHEMA_DAMAGED',
      exitCode: 78,
      facts: { missing: [table] },
    });
    expect(readFileSync(databasePath(dataDir)).equals(before)).toBe(true);
  });

  test.each([
    ['with a file', insertFile],
    ['whose files and entries were deleted', `${insertFile} DELETE FROM file_access_log;`],
  ])('conversation_files of a 001 database %s', async (_what, history) => {
    const dataDir = await makeDamaged(`${history} DROP TABLE conversation_files`, '001');
    await expect(openManager(dataDir)).rejects.toMatchObject({
      code: 'SCHEMA_DAMAGED',
      facts: { missing: ['conversation_files'] },
    });
    withRaw(databasePath(dataDir), (db) =>
      expect(objectNames(db, 'table')).not.toContain('conversation_files'),
    );
  });

  test('conversation_files together with the access log, the witness that it was empty', async () => {
    const dataDir = await makeDamaged('DROP TABLE conversation_files; DROP TABLE file_access_log', '001');
    await expect(openManager(dataDir)).rejects.toMatchObject({ code: 'SCHEMA_DAMAGED' });
  });

  test('a table that lost a column', async () => {
    const dataDir = await makeDamaged(
      'DROP TRIGGER trg_conversation_files_count_insert; DROP TRIGGER trg_conversation_files_count_delete;' +
        'DROP TRIGGER trg_conversation_files_count_purge; ALTER TABLE conversation_files DROP COLUMN vm',
    );
    await expect(openManager(dataDir)).rejects.toThrow(/table conversation_files: no column vm text/);
  });

  test.each([
    ['its rows are gone', 'DELETE FROM schema_migrations'],
    ['the table is gone', 'DROP TABLE schema_migrations'],
  ])('the record of versions, when %s', async (_what, damage) => {
    const dataDir = await makeDamaged(damage);
    await expect(openManager(dataDir)).rejects.toMatchObject({
      code: 'SCHEMA_DAMAGED',
      facts: { missing: ['schema_migrations'] },
    });
  });
});

test('checkIntegrity names orphans and differences without changing anything', async () => {
  const dataDir = await makeDamaged(
    "INSERT INTO file_metadata (file_id, metadata_key) VALUES ('gone', 'k'); DROP INDEX idx_ledger_committed_at",
  );
  const manager = await openManager(dataDir);
  expect(checkIntegrity(manager.connection())).toEqual({
    faults: [],
    orphans: [{ table: 'file_metadata', rows: 1 }],
    differences: ['index idx_ledger_committed_at: missing'],
  });
});
