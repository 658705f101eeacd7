// A single-machine database of version 001, with data and with its defects, becomes ours without losing a row.

import { describe, expect, test } from 'vitest';
import {
  deletedFile,
  ownFile,
  sharedFile,
  writeAutobotDatabase,
} from '../../../tests/support/autobot-database.ts';
import { makeFolder, openManager, withRaw } from '../../../tests/support/data-folder.ts';
import { databasePath } from './data-dir.ts';
import { openReader } from './reader.ts';

type Row = Record<string, unknown>;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function adopt(): { dataDir: string; rows: (sql: string) => Row[] } {
  const dataDir = makeFolder();
  writeAutobotDatabase(databasePath(dataDir));
  const rows = (sql: string) => withRaw(databasePath(dataDir), (db) => db.prepare(sql).all() as Row[]);
  return { dataDir, rows };
}

async function upgrade(): Promise<{ dataDir: string; rows: (sql: string) => Row[] }> {
  const adopted = adopt();
  const manager = await openManager(adopted.dataDir);
  expect(manager.getSchemaVersion()).toBe('001');
  expect(manager.initialize()).toEqual({
    schemaVersion: '005',
    applied: ['002', '003', '004', '005'],
    healed: [],
  });
  return adopted;
}

test('it opens and validates at 001 as it is: nothing is healed, nothing is lost', async () => {
  const { dataDir, rows } = adopt();
  const before = rows('SELECT name, sql FROM sqlite_master ORDER BY name');
  const manager = await openManager(dataDir);
  expect(manager.initialize({ to: '001' })).toEqual({ schemaVersion: '001', applied: [], healed: [] });
  expect(rows('SELECT name, sql FROM sqlite_master ORDER BY name')).toEqual(before);
  expect(rows('PRAGMA journal_mode')).toEqual([{ journal_mode: 'wal' }]);
});

test('its 001 has no checksum: another program applied it from a file that nobody knows', async () => {
  const { rows } = await upgrade();
  expect(rows('SELECT version, description, checksum IS NULL AS unknown FROM schema_migrations')).toEqual([
    { version: '001', description: 'Create conversation files schema', unknown: 1 },
    { version: '002', description: 'fleet', unknown: 0 },
    { version: '003', description: 'file life', unknown: 0 },
    { version: '004', description: 'search', unknown: 0 },
    { version: '005', description: 'store id', unknown: 0 },
  ]);
});

describe('D2 and D3: a row shared by sessions', () => {
  test('becomes one row per session, each with its own id, name, metadata and the same bytes', async () => {
    const { rows } = await upgrade();
    const files = rows(
      `SELECT * FROM conversation_files WHERE file_hash = '${'a'.repeat(64)}' ORDER BY session_id`,
    );
    expect(files.map((file) => file.session_id)).toEqual(['s1', 's2', 's3']);
    expect(files[0]).toMatchObject({ file_id: sharedFile, stored_filename: 'a.txt', origin_file_id: null });
    for (const file of files.slice(1)) {
      expect(file).toMatchObject({
        original_filename: 'shared.txt',
        file_path: '/data/a.txt',
        file_size: 6,
        mime_type: 'text/plain',
        uploaded_at: '2025-01-02 03:04:05',
        uploaded_at_ms: Date.UTC(2025, 0, 2, 3, 4, 5),
        uploaded_by: 'ann',
        origin_file_id: sharedFile,
        stored_filename: file.file_id,
      });
      expect(file.file_id).toMatch(uuid);
    }
    expect(new Set(files.map((file) => file.file_id)).size).toBe(3);
    const metadata = rows(`SELECT f.session_id, m.metadata_key, m.metadata_value FROM file_metadata m
      JOIN conversation_files f USING (file_id) WHERE f.file_hash = '${'a'.repeat(64)}' ORDER BY 1, 2`);
    expect(metadata).toEqual(
      ['s1', 's2', 's3'].flatMap((session_id) => [
        { session_id, metadata_key: 'pages', metadata_value: '3' },
        { session_id, metadata_key: 'source', metadata_value: 'mail' },
      ]),
    );
  });

  test('every association points to the row of its own session', async () => {
    const { rows } = await upgrade();
    expect(
      rows(`SELECT a.session_id FROM session_file_associations a JOIN conversation_files f USING (file_id)
            WHERE a.session_id <> f.session_id`),
    ).toEqual([]);
  });

  test('deleting the row of one session leaves the others', async () => {
    const { rows, dataDir } = await upgrade();
    withRaw(databasePath(dataDir), (db) =>
      db.exec(`DELETE FROM conversation_files WHERE file_id = '${sharedFile}'`),
    );
    expect(
      rows(`SELECT session_id FROM conversation_files WHERE file_hash = '${'a'.repeat(64)}' ORDER BY 1`),
    ).toEqual([{ session_id: 's2' }, { session_id: 's3' }]);
  });

  test('no upload entry is made up for the new rows', async () => {
    const { rows } = await upgrade();
    expect(rows("SELECT count(*) AS n FROM file_access_log WHERE access_type = 'upload'")).toEqual([
      { n: 3 },
    ]);
  });
});

test('D8: doubled associations are merged into the oldest, and from then on the index binds', async () => {
  const { rows, dataDir } = await upgrade();
  expect(
    rows('SELECT association_id, session_id, message_id FROM session_file_associations ORDER BY 1'),
  ).toEqual([
    { association_id: 1, session_id: 's1', message_id: null },
    { association_id: 3, session_id: 's1', message_id: 'm1' },
    { association_id: 4, session_id: 's2', message_id: null },
    { association_id: 6, session_id: 's2', message_id: 'm2' },
    { association_id: 7, session_id: 's3', message_id: 'm3' },
    { association_id: 8, session_id: 's1', message_id: null },
    { association_id: 9, session_id: 's4', message_id: null },
  ]);
  const again = `INSERT INTO session_file_associations (session_id, file_id) VALUES ('s1', '${ownFile}')`;
  expect(() => withRaw(databasePath(dataDir), (db) => db.exec(again))).toThrow(/UNIQUE/);
});

describe('D7: retention', () => {
  test('reminders a year overdue are closed, none is lost, and those that users asked for stay open', async () => {
    const { rows } = await upgrade();
    expect(
      rows(
        'SELECT cleanup_reason, is_processed, count(*) AS n FROM file_cleanup_queue GROUP BY 1, 2 ORDER BY 1',
      ),
    ).toEqual([
      { cleanup_reason: 'session_ended', is_processed: 1, n: 9 },
      { cleanup_reason: 'user_request', is_processed: 0, n: 1 },
    ]);
  });

  test('old sessions are live, and their idle days begin with the migration', async () => {
    const startedMs = Date.now();
    const { rows } = await upgrade();
    const sessions = rows('SELECT * FROM sessions ORDER BY session_id');
    expect(sessions.map(({ session_id, state }) => `${session_id} ${state}`)).toEqual([
      's1 live',
      's2 live',
      's3 live',
      's4 live',
    ]);
    expect(sessions.every((session) => Number(session.last_activity_at_ms) >= startedMs - 1_000)).toBe(true);
    expect(sessions[0]?.first_activity_at_ms).toBe(Date.UTC(2025, 0, 2, 3, 4, 5));
  });

  test('a new association schedules nothing', async () => {
    const { rows, dataDir } = await upgrade();
    const before = rows('SELECT count(*) AS n FROM file_cleanup_queue');
    withRaw(databasePath(dataDir), (db) =>
      db.exec(
        `INSERT INTO session_file_associations (session_id, file_id, message_id) VALUES ('s1', '${ownFile}', 'new')`,
      ),
    );
    expect(rows('SELECT count(*) AS n FROM file_cleanup_queue')).toEqual(before);
  });
});

test('D6: the audit begins with a copy of the access log, and keeps it when the file goes', async () => {
  const { rows, dataDir } = await upgrade();
  withRaw(databasePath(dataDir), (db) => {
    db.pragma('foreign_keys = ON');
    db.exec(`DELETE FROM conversation_files WHERE file_id = '${sharedFile}'`);
  });
  expect(rows(`SELECT * FROM file_access_log WHERE file_id = '${sharedFile}'`)).toEqual([]);
  expect(
    rows(
      `SELECT action, actor, session_id, commit_sequence, details FROM audit_entries WHERE file_id = '${sharedFile}' ORDER BY audit_id`,
    ),
  ).toEqual([
    {
      action: 'file-upload',
      actor: 'ann',
      session_id: 's1',
      commit_sequence: 0,
      details: '{"size":6,"mime_type":"text/plain"}',
    },
    {
      action: 'file-download',
      actor: 'cid',
      session_id: 's1',
      commit_sequence: 0,
      details: '{"text":"no json"}',
    },
  ]);
  for (const change of ['DELETE FROM audit_entries', "UPDATE audit_entries SET actor = 'x'"]) {
    expect(() => withRaw(databasePath(dataDir), (db) => db.exec(change))).toThrow(/append-only/);
  }
});

test('deleted files stay deleted, with times as numbers; a time that cannot be read is now', async () => {
  const startedMs = Date.now();
  const { rows } = await upgrade();
  const [file] = rows(`SELECT * FROM conversation_files WHERE file_id = '${deletedFile}'`);
  expect(file).toMatchObject({
    is_deleted: 1,
    deleted_at_ms: Date.UTC(2025, 2, 4, 5, 6, 7),
    uploaded_at: 'not a time',
  });
  expect(Number(file?.uploaded_at_ms)).toBeGreaterThanOrEqual(startedMs - 1_000);
});

test('the database is whole afterwards, its views still answer under their old columns, and readers can read it', async () => {
  const { rows, dataDir } = await upgrade();
  expect(rows('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
  expect(rows('PRAGMA foreign_key_check')).toEqual([]);
  expect(
    rows("SELECT total_files, total_size FROM v_session_file_summary WHERE session_id = 's1'")[0],
  ).toMatchObject({
    total_files: 2,
  });
  const reader = openReader({ dataDir });
  try {
    expect(reader.listSessionFiles('s1').files.map((file) => file.fileId)).toEqual([ownFile, sharedFile]);
    await expect(reader.openContent(ownFile)).rejects.toMatchObject({ code: 'CONTENT_NOT_IMPORTED' });
  } finally {
    reader.close();
  }
});

test('it goes back to 001 and up again: split rows stay split, nothing else changes', async () => {
  const { dataDir, rows } = await upgrade();
  const files = () =>
    rows('SELECT file_id, session_id, original_filename FROM conversation_files ORDER BY file_id');
  const before = files();
  expect(before).toHaveLength(5);
  const manager = await openManager(dataDir);
  expect(manager.planDown({ to: '001' }).losses).toEqual([{ what: 'files whose origin is known', rows: 2 }]);
  manager.migrateDown({ to: '001', discard: true });
  expect(files()).toEqual(before);
  expect(manager.initialize()).toMatchObject({ schemaVersion: '005', healed: [] });
  expect(files()).toEqual(before);
});
