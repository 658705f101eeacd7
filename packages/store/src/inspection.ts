// The look before opening: whose database is this, and may this program have it? Whatever the answer is, the file stays
// byte-identical, and no -wal or -shm is left behind that was not there.

import { statSync } from 'node:fs';
import SQLite, { type Database } from 'better-sqlite3';
import {
  assertKnown,
  assertRecordIsKept,
  hasTable,
  hasTables,
  readApplied,
  unknownOrNewer,
} from './applied-migrations.ts';
import { applicationId, isConnected, retryWhileBusy } from './connection.ts';
import { readDatabaseHeader } from './database-header.ts';
import { StoreError } from './errors.ts';
import { expectedObjects } from './expected-objects.ts';
import type { Migration } from './migrations.ts';
import { asStoreError } from './sqlite-errors.ts';
import { assertHealable } from './validation.ts';

/** `absent`: no file, or an empty one. `empty`: a database without tables. `ours`: ours, or AutoBot's. */
export type DatabaseState = 'absent' | 'empty' | 'ours';

/**
 * Looks at a database file without changing it.
 * @throws StoreError DATABASE_CORRUPT, DATABASE_FOREIGN, SCHEMA_NEWER, MIGRATION_UNKNOWN, MIGRATION_EDITED,
 *   SCHEMA_DAMAGED, PATH_INVALID, STORAGE_FAULT
 */
export function inspectDatabase(path: string, migrations: readonly Migration[]): DatabaseState {
  if (!isConnected(path)) {
    const header = readDatabaseHeader(path);
    if (!header) return 'absent';
    if (header.applicationId !== 0 && header.applicationId !== applicationId)
      throw foreignId(path, header.applicationId);
    if (header.applicationId === applicationId && header.userVersion > migrations.length) {
      throw unknownOrNewer(String(header.userVersion).padStart(3, '0'), migrations);
    }
  }
  try {
    return retryWhileBusy(() => lookInside(path, migrations));
  } catch (error) {
    throw asStoreError(error, `looking at ${path}`);
  }
}

function lookInside(path: string, migrations: readonly Migration[]): DatabaseState {
  const db = openForLooking(path);
  try {
    db.pragma('query_only = ON');
    db.pragma('trusted_schema = OFF');
    db.pragma('cell_size_check = ON');
    // One snapshot: another process may be migrating at this moment.
    return db.transaction(() => judge(db, path, migrations))();
  } finally {
    db.close();
  }
}

function judge(db: Database, path: string, migrations: readonly Migration[]): DatabaseState {
  if (!hasTables(db)) return 'empty';
  assertOurs(db, path, migrations);
  assertRecordIsKept(db);
  assertKnown(readApplied(db), migrations);
  readEachTable(db);
  assertHealable(db, migrations);
  return 'ours';
}

/**
 * An ordinary connection that only reads takes its -wal and -shm away again when it closes. But where a -wal with pages
 * is waiting (the last writer was killed), that close would move them into the database: then a read-only one.
 */
function openForLooking(path: string): Database {
  const walBytes = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  return new SQLite(path, { readonly: walBytes > 0, fileMustExist: true, timeout: 5_000 });
}

/** Ours by its id; or without one but with the tables of 001, as another program's installation has them. */
function assertOurs(db: Database, path: string, migrations: readonly Migration[]): void {
  const id = db.pragma('application_id', { simple: true });
  if (id === applicationId) return;
  if (id !== 0) throw foreignId(path, Number(id));
  const base = [...expectedObjects(migrations, '001').values()].filter(({ type }) => type === 'table');
  const found = base.filter(({ name }) => hasTable(db, name));
  if (found.length > base.length / 2) return;
  throw foreign(path, `tables of another program and no ${base[0]?.name ?? 'table of ours'}`);
}

/**
 * A damaged root page shows at the first read of the table itself, for which SQLite would rather take a small index.
 * Thorough checks are `checkIntegrity`'s.
 */
function readEachTable(db: Database): void {
  const sql = `SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'`;
  const names = db.prepare(sql).pluck().all() as string[];
  for (const name of names) {
    db.prepare(`SELECT 1 FROM "${name.replaceAll('"', '""')}" NOT INDEXED LIMIT 1`).get();
  }
}

function foreignId(path: string, id: number): StoreError {
  return foreign(path, `application id 0x${id.toString(16).padStart(8, '0')}`);
}

function foreign(path: string, got: string): StoreError {
  return new StoreError(
    'DATABASE_FOREIGN',
    `expected ${path} to be a database of filefleet, got ${got}; it was left as it is: choose another FILEFLEET_DATA_DIR`,
    { facts: { path, got } },
  );
}
