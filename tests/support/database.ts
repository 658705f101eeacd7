// The database and the disk as they are, looked at by a connection of a test's own: what a program says about
// itself is no evidence.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import SQLite, { type Database } from 'better-sqlite3';

export const databaseFile = (dataDir: string): string => join(dataDir, 'conversation_files.db');

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Looks through a read-only connection, made for this look only. */
export function look<T>(dataDir: string, see: (db: Database) => T): T {
  const db = new SQLite(databaseFile(dataDir), { readonly: true, fileMustExist: true });
  try {
    return see(db);
  } finally {
    db.close();
  }
}

/** All rows of a query. */
export function rows<Row>(dataDir: string, sql: string, ...parameters: readonly unknown[]): Row[] {
  return look(dataDir, (db) => db.prepare<unknown[], Row>(sql).all(...parameters));
}

/** The one value of a query that gives one. */
export function value(dataDir: string, sql: string, ...parameters: readonly unknown[]): unknown {
  return look(dataDir, (db) =>
    db
      .prepare(sql)
      .pluck()
      .get(...parameters),
  );
}

/** Names of all objects of a type, sorted; SQLite's own are left out. */
export function objectNames(dataDir: string, type: 'table' | 'index' | 'view' | 'trigger'): string[] {
  const sql = "SELECT name FROM sqlite_master WHERE type = ? AND name NOT LIKE 'sqlite_%' ORDER BY name";
  return rows<{ name: string }>(dataDir, sql, type).map(({ name }) => name);
}

/** What SQLite finds wrong with pages and references; nothing for a sound database. */
export function findFaults(dataDir: string): unknown[] {
  return look(dataDir, (db) => {
    const integrity = db.pragma('integrity_check', { simple: true });
    return [...(integrity === 'ok' ? [] : [integrity]), ...(db.pragma('foreign_key_check') as unknown[])];
  });
}

/** A file's bytes where its row says that they are: in the database, or on the disk. */
export function storedBytes(dataDir: string, fileId: string): Buffer {
  const sql = `SELECT f.file_path AS path, b.bytes FROM conversation_files f
    LEFT JOIN blobs ON blobs.digest = f.file_hash LEFT JOIN blob_bytes b USING (blob_id) WHERE f.file_id = ?`;
  const row = rows<{ path: string; bytes: Buffer | null }>(dataDir, sql, fileId)[0];
  if (!row) throw new Error(`expected a row for file ${fileId}, got none`);
  if (!row.path.startsWith('inline:')) return readFileSync(join(dataDir, row.path));
  if (row.bytes === null) throw new Error(`expected bytes in the database for file ${fileId}, got none`);
  return row.bytes;
}
