// Puts right, in the copy and before its rows are looked at, what SQLite let into 001's columns though no later version can
// hold it, and takes away what would act on rows behind the adoption's back. One such value would keep all others out.

import type { Database } from 'better-sqlite3';
import { expectedObjects } from '../expected-objects.ts';
import { loadMigrations } from '../migrations.ts';
import type { AdoptionReport } from './report.ts';

/** By table: its key, and the columns that hold text. Names of files have rules of their own, see mend.ts. */
const textColumns = {
  conversation_files: [
    'file_id',
    ['file_id', 'session_id', 'stored_filename', 'file_path', 'file_hash', 'mime_type', 'uploaded_by'],
  ],
  file_metadata: ['metadata_id', ['file_id', 'metadata_key', 'metadata_value']],
  session_file_associations: ['association_id', ['file_id', 'session_id', 'message_id']],
  file_access_log: ['log_id', ['file_id', 'accessed_by', 'access_metadata']],
  file_cleanup_queue: ['cleanup_id', ['file_id', 'session_id']],
} as const;

/** More than any file of such an installation has; sums of what is more would run over. */
const mostBytes = 2 ** 40;

/** Inside a transaction. */
export function mendValues(db: Database, report: AdoptionReport): void {
  dropForeign(db, report);
  db.pragma('defer_foreign_keys = ON'); // a file and what belongs to it change their ids one after the other
  for (const [table, [key, columns]] of Object.entries(textColumns)) {
    for (const column of columns) bytesToText(db, table, key, column, report);
  }
  const mend = (set: string, where: string, how: string) => {
    const sql = `UPDATE conversation_files SET ${set} WHERE ${where} RETURNING file_id`;
    for (const id of db.prepare(sql).pluck().all()) report.note('conversation_files', id, 'healed', how);
  };
  mend('is_deleted = 0', 'is_deleted IS NULL', 'nothing said whether it was deleted; it counts as in use');
  const unsound = `typeof(file_size) <> 'integer' OR file_size > ${mostBytes}`;
  mend('file_size = 0', unsound, 'its size was none; without its bytes it counts as 0');
}

/** Triggers that would act on what is mended, migrated and written ever after, and indexes that forbid what is allowed. */
function dropForeign(db: Database, report: AdoptionReport): void {
  const sql = `SELECT type, name FROM sqlite_master
    WHERE type = 'trigger' OR (type = 'index' AND sql LIKE 'CREATE UNIQUE%' AND tbl_name IN (SELECT value FROM json_each(?)))`;
  const ours = expectedObjects(loadMigrations(), '001');
  const found = db.prepare<[string], { type: string; name: string }>(sql);
  for (const { type, name } of found.all(JSON.stringify(Object.keys(textColumns)))) {
    if (ours.has(name)) continue;
    db.exec(`DROP ${type} "${name.replaceAll('"', '""')}"`);
    report.note('sqlite_master', name, 'left', `the ${type} is none of version 001`);
  }
}

function bytesToText(db: Database, table: string, key: string, column: string, report: AdoptionReport): void {
  const sql = `SELECT rowid AS row, ${key} AS key, ${column} AS bytes FROM ${table} WHERE typeof(${column}) = 'blob'`;
  const update = db.prepare(`UPDATE ${table} SET ${column} = ? WHERE rowid = ?`);
  for (const found of db.prepare<[], { row: number; key: unknown; bytes: Buffer }>(sql).all()) {
    const text = found.bytes.toString();
    update.run(text, found.row);
    const id = column === key ? text : found.key;
    report.note(table, id, 'healed', `${column} held bytes; they were read as text`);
  }
}
