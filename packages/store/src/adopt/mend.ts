// Puts right, in the copy and before it is migrated, what keeps 001's rows from being taken, and says so row by row.

import { limits } from '@filefleet/protocol';
import type { Database } from 'better-sqlite3';
import { mendValues } from './mend-values.ts';
import type { AdoptionReport } from './report.ts';

const sideTables = [
  ['file_metadata', 'metadata_id'],
  ['session_file_associations', 'association_id'],
  ['file_access_log', 'log_id'],
  ['file_cleanup_queue', 'cleanup_id'],
] as const;

/** In one transaction. */
export function mendRows(db: Database, report: AdoptionReport): void {
  const mend = db.transaction(() => {
    mendValues(db, report);
    for (const [table, key] of sideTables) mendSideTable(db, table, key, report);
    reportDoubles(db, report);
    closeReminders(db, report);
    mendNames(db, report);
    reportTimes(db, report);
  });
  mend.immediate();
}

/** The program that made them did not always hold its foreign keys. */
function mendSideTable(db: Database, table: string, key: string, report: AdoptionReport): void {
  const orphaned = `FROM ${table} WHERE NOT EXISTS (SELECT 1 FROM conversation_files f WHERE f.file_id = ${table}.file_id)`;
  for (const id of db.prepare(`SELECT ${key} ${orphaned}`).pluck().all()) {
    report.note(table, id, 'left', 'its file has no row');
  }
  db.prepare(`DELETE ${orphaned}`).run();
  for (const id of db.prepare(`SELECT ${key} FROM ${table}`).pluck().all()) report.note(table, id, 'taken');
}

/** The migration merges them; which ones, only the table from before can tell. */
function reportDoubles(db: Database, report: AdoptionReport): void {
  const sql = `SELECT association_id AS id, min(association_id) OVER same AS first FROM session_file_associations
    WINDOW same AS (PARTITION BY session_id, file_id, coalesce(message_id, ''))`;
  for (const { id, first } of db.prepare<[], { id: number; first: number }>(sql).all()) {
    if (id !== first)
      report.note('session_file_associations', id, 'healed', `merged into its double ${first}`);
  }
}

/** Nothing ever ran them, so nothing relies on them: executed now, they would take files that are in use. */
function closeReminders(db: Database, report: AdoptionReport): void {
  const open = db
    .prepare('SELECT cleanup_id FROM file_cleanup_queue WHERE is_processed IS NOT 1')
    .pluck()
    .all();
  for (const id of open)
    report.note('file_cleanup_queue', id, 'healed', 'never processed; closed, not executed');
  db.prepare(
    'UPDATE file_cleanup_queue SET is_processed = 1, processed_at = CURRENT_TIMESTAMP WHERE is_processed IS NOT 1',
  ).run();
}

interface Named {
  readonly fileId: string;
  readonly name: unknown;
  readonly stored: unknown;
}

function mendNames(db: Database, report: AdoptionReport): void {
  const sql =
    'SELECT file_id AS fileId, original_filename AS name, stored_filename AS stored FROM conversation_files';
  const rename = db.prepare('UPDATE conversation_files SET original_filename = ? WHERE file_id = ?');
  for (const { fileId, name, stored } of db.prepare<[], Named>(sql).all()) {
    report.note('conversation_files', fileId, 'taken');
    const sound = soundName(String(name)) || soundName(String(stored)) || fileId;
    if (sound === name) continue;
    rename.run(sound, fileId);
    const how = String(name).trim() === '' ? 'its name was lost' : 'its name could not be kept as it was';
    report.note('conversation_files', fileId, 'healed', `${how}: ${JSON.stringify(sound)}`);
  }
}

/** A name as the fleet takes them: no control characters, bounded; empty when nothing is left of it. */
function soundName(name: string): string {
  let sound =
    name
      .toWellFormed()
      .replaceAll(/\p{Cc}/gu, '')
      .trim() === ''
      ? ''
      : name.toWellFormed().replaceAll(/\p{Cc}/gu, '');
  while (Buffer.byteLength(sound) > limits.filenameBytes) sound = [...sound].slice(0, -1).join('');
  return sound;
}

function reportTimes(db: Database, report: AdoptionReport): void {
  const sql = 'SELECT file_id FROM conversation_files WHERE julianday(uploaded_at) IS NULL';
  for (const id of db.prepare(sql).pluck().all()) {
    report.note(
      'conversation_files',
      id,
      'healed',
      'its upload time cannot be read; it counts as uploaded now',
    );
  }
}
