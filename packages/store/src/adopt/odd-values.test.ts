// What SQLite and disks let into an old installation, though nobody meant it: it is put right, said, and keeps no row out.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { type OldInstallation, writeOldInstallation } from '../../../../tests/support/autobot-storage.ts';
import { makeFolder, withRaw } from '../../../../tests/support/data-folder.ts';
import { sha256 } from '../../../../tests/support/operations.ts';
import { databasePath } from '../data-dir.ts';
import { verifyStore } from '../verify/verify.ts';
import { adoptStore } from './adopt.ts';

let old: OldInstallation;
let dataDir: string;

beforeEach(() => {
  old = writeOldInstallation(makeFolder());
  dataDir = join(makeFolder(), 'data');
});

const adopt = () => adoptStore({ sourcePath: old.database, storageDir: old.storage, dataDir });

async function faults(): Promise<string[]> {
  const found: string[] = [];
  for await (const report of verifyStore({ dataDir, deep: true })) found.push(...report.faults);
  return found;
}

describe('one odd thing keeps no row out', () => {
  const file = '(SELECT min(file_id) FROM conversation_files)';
  const found = `file_id = ${file}`;
  test.each([
    ['a session that is bytes', `UPDATE conversation_files SET session_id = x'73ff' WHERE ${found}`],
    ['an uploader that is bytes', `UPDATE conversation_files SET uploaded_by = x'ff' WHERE ${found}`],
    [
      'metadata that is bytes',
      `INSERT INTO file_metadata (file_id, metadata_key, metadata_value) VALUES (${file}, x'ff', x'fe')`,
    ],
    [
      'a session of an association that is bytes',
      `INSERT INTO session_file_associations (session_id, file_id) VALUES (x'ff', ${file})`,
    ],
    [
      'who looked at it is bytes',
      `INSERT INTO file_access_log (file_id, access_type, accessed_by) VALUES (${file}, 'view', x'ff')`,
    ],
    ['neither deleted nor not', `UPDATE conversation_files SET is_deleted = NULL WHERE ${found}`],
    [
      'a size that is none',
      "UPDATE conversation_files SET file_size = 1.5, file_hash = 'x', file_path = 'x', stored_filename = 'none' WHERE rowid = 1",
    ],
    [
      'sizes that no sum can hold',
      "UPDATE conversation_files SET file_size = 9223372036854775807, file_hash = 'x', file_path = 'x'",
    ],
    [
      'a trigger that deletes',
      'CREATE TRIGGER evil AFTER UPDATE ON conversation_files BEGIN DELETE FROM conversation_files; END',
    ],
    [
      'a trigger that refuses',
      "CREATE TRIGGER no BEFORE UPDATE ON conversation_files BEGIN SELECT raise(ABORT, 'no'); END",
    ],
    [
      'an index that forbids doubles',
      `CREATE UNIQUE INDEX one ON conversation_files (file_hash) WHERE file_hash = '${sha256('shared by three')}'`,
    ],
  ])('%s', async (_what, sql) => {
    const rows = withRaw(old.database, (db) => {
      db.exec(sql);
      return db.prepare('SELECT count(*) FROM conversation_files').pluck().get();
    });
    const { rows: reported } = await adopt();
    const now = 'SELECT count(*) FROM conversation_files WHERE origin_file_id IS NULL';
    const bytes =
      "SELECT count(*) FROM file_metadata WHERE 'blob' IN (typeof(metadata_key), typeof(metadata_value))";
    const ask = (question: string) =>
      withRaw(databasePath(dataDir), (db) => db.prepare(question).pluck().get());
    expect([ask(now), ask(bytes)]).toEqual([rows, 0]);
    expect(
      reported.filter(({ how = '' }) => /bytes; they were|whether it was|was none|is none of/.test(how))
        .length,
    ).toBeGreaterThan(0);
    expect(await faults()).toEqual([]);
  });

  test('an id that is bytes, with all that belongs to the file', async () => {
    withRaw(old.database, (db) => {
      db.pragma('foreign_keys = OFF');
      const tables = [
        'conversation_files',
        'file_metadata',
        'session_file_associations',
        'file_access_log',
        'file_cleanup_queue',
      ];
      for (const table of tables) db.exec(`UPDATE ${table} SET file_id = CAST(file_id AS BLOB)`);
    });
    const { tables } = await adopt();
    expect(tables.find(({ table }) => table === 'conversation_files')).toMatchObject({ taken: 0 });
    expect(await faults()).toEqual([]);
  });

  test('files and folders whose names are no UTF-8', async () => {
    const folder = Buffer.concat([Buffer.from(join(old.storage, 'caf')), Buffer.from([0xe9])]);
    mkdirSync(folder);
    // Both are the same when read as text.
    const names = [Buffer.from([0x2f, 0xff]), Buffer.from([0x2f, 0xfe])].map((name) =>
      Buffer.concat([folder, name]),
    );
    for (const [n, name] of names.entries()) writeFileSync(name, `odd ${n}`);
    withRaw(old.database, (db) =>
      db.exec(
        `UPDATE conversation_files SET file_hash = '${sha256('odd 1')}', file_path = 'gone', stored_filename = 'gone' WHERE rowid = 1`,
      ),
    );
    const { rows } = await adopt();
    expect(rows.map(({ how }) => how)).toContainEqual(expect.stringContaining('by their digest at caf'));
    expect(await faults()).toEqual([]);
  });
});
