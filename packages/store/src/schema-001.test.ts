// Migration 001 as it is described: which objects, and what they do. Asked of the database with a raw connection.

import type { Database } from 'better-sqlite3';
import { beforeEach, describe, expect, test } from 'vitest';
import { makeFolder, objectNames, openManager, openRaw } from '../../../tests/support/data-folder.ts';
import { databasePath } from './data-dir.ts';

let db: Database;

beforeEach(async () => {
  const dataDir = makeFolder();
  const manager = await openManager(dataDir);
  manager.initialize({ to: '001' });
  db = openRaw(databasePath(dataDir));
});

const insertFile = (fileId: string, sessionId = 's1', size = 7) =>
  db
    .prepare(
      `INSERT INTO conversation_files (file_id, session_id, original_filename, stored_filename, file_path, file_size,
         file_hash, mime_type, uploaded_by) VALUES (?, ?, 'a.txt', ?, 'blobs/x', ?, 'hash', 'text/plain', 'ann')`,
    )
    .run(fileId, sessionId, fileId, size);
const associate = (fileId: string, sessionId = 's1', messageId: string | null = null) =>
  db
    .prepare('INSERT INTO session_file_associations (session_id, file_id, message_id) VALUES (?, ?, ?)')
    .run(sessionId, fileId, messageId);
const rows = (sql: string) => db.prepare(sql).all() as Record<string, unknown>[];

describe('first-time initialisation at 001', () => {
  test('all tables are created: 5 and schema_migrations', () => {
    expect(objectNames(db, 'table')).toEqual([
      'conversation_files',
      'file_access_log',
      'file_cleanup_queue',
      'file_metadata',
      'schema_migrations',
      'session_file_associations',
    ]);
  });

  test('all 3 views are created', () => {
    expect(objectNames(db, 'view')).toEqual([
      'v_active_files',
      'v_pending_cleanups',
      'v_session_file_summary',
    ]);
  });

  test('all 8 indexes are created, on the columns they are for', () => {
    const columns = `SELECT m.name, m.tbl_name || '(' || group_concat(x.name || iif(x.desc, ' desc', ''), ', ') || ')' AS place
      FROM sqlite_master m JOIN pragma_index_xinfo(m.name) x ON x.key = 1
      WHERE m.type = 'index' AND m.sql IS NOT NULL GROUP BY m.name ORDER BY m.name`;
    expect(Object.fromEntries(rows(columns).map((row) => [row.name, row.place]))).toEqual({
      idx_cleanup_queue_processed: 'file_cleanup_queue(is_processed, scheduled_deletion_time)',
      idx_conversation_files_hash: 'conversation_files(file_hash, is_deleted)',
      idx_conversation_files_session: 'conversation_files(session_id, is_deleted)',
      idx_conversation_files_uploaded_at: 'conversation_files(uploaded_at desc)',
      idx_file_access_log_file: 'file_access_log(file_id, accessed_at desc)',
      idx_file_metadata_file_id: 'file_metadata(file_id)',
      idx_session_associations_file: 'session_file_associations(file_id)',
      idx_session_associations_session: 'session_file_associations(session_id)',
    });
  });

  test('all 3 triggers are created', () => {
    expect(objectNames(db, 'trigger')).toEqual([
      'trg_conversation_files_soft_delete',
      'trg_conversation_files_upload_log',
      'trg_session_association_cleanup_schedule',
    ]);
  });
});

describe('each trigger fires', () => {
  test('an insert of a file leaves an upload entry with uploader, size and MIME type', () => {
    insertFile('f1');
    const [entry] = rows('SELECT * FROM file_access_log');
    expect(entry).toMatchObject({ file_id: 'f1', access_type: 'upload', accessed_by: 'ann' });
    expect(JSON.parse(String(entry?.access_metadata))).toEqual({ file_size: 7, mime_type: 'text/plain' });
  });

  test('a soft delete notes when; an update of a deleted file does not note it again', () => {
    insertFile('f1');
    db.exec('UPDATE conversation_files SET is_deleted = 1');
    expect(rows('SELECT deleted_at FROM conversation_files')[0]?.deleted_at).toMatch(
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/,
    );
    db.exec("UPDATE conversation_files SET deleted_at = 'then'");
    db.exec('UPDATE conversation_files SET is_deleted = 1');
    expect(rows('SELECT deleted_at FROM conversation_files')[0]?.deleted_at).toBe('then');
  });

  test('an association schedules a cleanup in 30 days', () => {
    insertFile('f1');
    associate('f1', 's9');
    const due = `SELECT file_id, session_id, cleanup_reason, is_processed,
      round(julianday(scheduled_deletion_time) - julianday('now'), 1) AS days FROM file_cleanup_queue`;
    expect(rows(due)).toEqual([
      { file_id: 'f1', session_id: 's9', cleanup_reason: 'session_ended', is_processed: 0, days: 30 },
    ]);
  });
});

describe('constraints', () => {
  test('foreign keys are enforced on the connection that writes, and children go with their file', async () => {
    const dataDir = makeFolder();
    const writer = (await openManager(dataDir)).connection();
    expect(() =>
      writer.exec("INSERT INTO file_metadata (file_id, metadata_key) VALUES ('none', 'k')"),
    ).toThrow(/FOREIGN KEY constraint failed/);
    writer.exec(`INSERT INTO conversation_files (file_id, session_id, original_filename, stored_filename, file_path, file_size, file_hash)
      VALUES ('f1', 's1', 'a', 'a', 'p', 1, 'h')`);
    writer.exec("INSERT INTO file_metadata (file_id, metadata_key) VALUES ('f1', 'k')");
    writer.exec('DELETE FROM conversation_files');
    const raw = openRaw(databasePath(dataDir));
    expect(raw.prepare('SELECT count(*) FROM file_metadata').pluck().get()).toBe(0);
    expect(raw.prepare('SELECT count(*) FROM file_access_log').pluck().get()).toBe(0);
  });

  test.each([
    ['a negative size', () => insertFile('f1', 's1', -1), /CHECK/],
    ['a stored name used twice', () => insertFile('f0'), /UNIQUE/],
    ['an access type that nobody knows', () => logAccess('steal'), /CHECK/],
    ['a cleanup reason that nobody knows', () => scheduleCleanup('whim'), /CHECK/],
  ])('%s is refused', (_what, act, message) => {
    insertFile('f0');
    expect(act).toThrow(message);
  });

  const logAccess = (type: string) =>
    db.prepare("INSERT INTO file_access_log (file_id, access_type) VALUES ('f0', ?)").run(type);
  const scheduleCleanup = (reason: string) =>
    db
      .prepare(
        "INSERT INTO file_cleanup_queue (file_id, session_id, scheduled_deletion_time, cleanup_reason) VALUES ('f0', 's', 'x', ?)",
      )
      .run(reason);
});

describe('views', () => {
  test('v_active_files shows files that are not deleted, with the number of sessions that use them', () => {
    insertFile('f1');
    insertFile('f2');
    db.exec("UPDATE conversation_files SET is_deleted = 1 WHERE file_id = 'f2'");
    associate('f1', 's1');
    associate('f1', 's2');
    expect(rows('SELECT file_id, session_count FROM v_active_files')).toEqual([
      { file_id: 'f1', session_count: 2 },
    ]);
    expect(rows('SELECT last_associated_at AS at FROM v_active_files')[0]?.at).not.toBeNull();
  });

  test('v_session_file_summary counts each file of a session once, deleted ones left out', () => {
    for (const id of ['f1', 'f2', 'f3']) insertFile(id);
    for (const message of ['m1', 'm2']) associate('f1', 's1', message);
    associate('f2');
    associate('f3');
    db.exec("UPDATE conversation_files SET is_deleted = 1 WHERE file_id = 'f3'");
    expect(rows('SELECT session_id, file_count, total_size FROM v_session_file_summary')).toEqual([
      { session_id: 's1', file_count: 2, total_size: 14 },
    ]);
  });

  test('v_pending_cleanups shows open entries that are due within 7 days, soonest first', () => {
    insertFile('f1');
    const due = (days: number, processed = 0) =>
      db
        .prepare(
          `INSERT INTO file_cleanup_queue (file_id, session_id, scheduled_deletion_time, is_processed)
           VALUES ('f1', ?, datetime('now', ?), ?)`,
        )
        .run(`in ${days}`, `+${days} days`, processed);
    due(6);
    due(1);
    due(8);
    due(2, 1);
    const pending = rows(
      'SELECT session_id, original_filename, file_size, minutes_left FROM v_pending_cleanups',
    );
    expect(pending.map((row) => row.session_id)).toEqual(['in 1', 'in 6']);
    expect(pending[0]).toMatchObject({ original_filename: 'a.txt', file_size: 7 });
    expect(Number(pending[0]?.minutes_left)).toBeGreaterThanOrEqual(1438);
  });
});
