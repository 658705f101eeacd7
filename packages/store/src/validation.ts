// Compares a database with what its version must have, and puts back what can be put back without lying: indexes, views,
// triggers, 001's side tables, and the search's index. Rows that other promises rest on are never replaced by an empty table.

import type { Database } from 'better-sqlite3';
import { hasTable, recordedVersion } from './applied-migrations.ts';
import { isStoreError, StoreError } from './errors.ts';
import { expectedObjects } from './expected-objects.ts';
import { type Migration, unknownVersion } from './migrations.ts';
import { readSchemaObjects, type SchemaObject, type SchemaObjects } from './schema-objects.ts';
import { isSearchObject, rebuildSearchObjects } from './search/objects.ts';
import { asStoreError } from './sqlite-errors.ts';

export interface Difference {
  readonly object: SchemaObject;
  readonly kind: 'missing' | 'different';
  /** What is wrong, such as `no column vm text`. */
  readonly detail: string;
}

/** The base of every version, made at opening before any version is recorded. */
const baseVersion = '001';

/** What differs from the recorded version; nothing for a complete schema. */
export function findDifferences(db: Database, migrations: readonly Migration[]): Difference[] {
  const version = versionToExpect(db);
  const actual = readSchemaObjects(db);
  return [...expectedObjects(migrations, version).values()].flatMap((object) => {
    const detail = differenceOf(db, object, actual, version);
    const kind = actual.has(object.name) ? 'different' : 'missing';
    return detail === undefined ? [] : [{ object, kind, detail }];
  });
}

/**
 * Puts back what differs, in one transaction, or raises an error and changes nothing.
 * @returns the names of the objects put back, in the order of their making.
 * @throws StoreError SCHEMA_DAMAGED with facts `{missing: names}`
 */
export function healSchema(db: Database, migrations: readonly Migration[]): string[] {
  if (findDifferences(db, migrations).length === 0) return [];
  try {
    return db.transaction(() => healInTransaction(db, migrations)).immediate();
  } catch (error) {
    if (isStoreError(error)) throw error;
    const environment = asStoreError(error, 'putting missing objects back');
    if (isStoreError(environment)) throw environment;
    throw damaged([], `an object that cannot be put back: ${String(error)}`, error);
  }
}

/**
 * Changes nothing: a database that must not be healed is told from one that may before anything is written to it.
 * @returns the tables that differ; all of them may be put back.
 * @throws StoreError SCHEMA_DAMAGED with facts `{missing: names}`
 */
export function assertHealable(db: Database, migrations: readonly Migration[]): Difference[] {
  const tables = findDifferences(db, migrations).filter(({ object }) => object.type === 'table');
  const base = expectedObjects(migrations, baseVersion);
  const lost = tables.filter((difference) => !mayPutBack(db, base, difference));
  if (lost.length === 0) return tables;
  const details = lost.map(({ object, detail }) => `table ${object.name}: ${detail}`);
  throw damaged(
    lost.map(({ object }) => object.name),
    details.join('; '),
  );
}

function healInTransaction(db: Database, migrations: readonly Migration[]): string[] {
  const differences = findDifferences(db, migrations);
  const tables = assertHealable(db, migrations).filter(({ object }) => !isSearchObject(object));
  const search = differences.filter(({ object }) => isSearchObject(object));
  for (const { object } of tables) db.exec(object.sql);
  if (search.length > 0) rebuildSearchObjects(db, expectedObjects(migrations, versionToExpect(db)));
  // Views over a missing table, and the indexes and triggers that went with it, can only be judged now.
  const others = findDifferences(db, migrations);
  for (const { object, kind } of others) {
    if (kind === 'different') db.exec(`DROP ${object.type} "${object.name}"`);
    db.exec(object.sql);
  }
  return [...search, ...tables, ...others].map(({ object }) => object.name);
}

function versionToExpect(db: Database): string {
  const recorded = recordedVersion(db);
  return recorded === unknownVersion ? baseVersion : recorded;
}

function differenceOf(
  db: Database,
  expected: SchemaObject,
  actualObjects: SchemaObjects,
  version: string,
): string | undefined {
  const actual = actualObjects.get(expected.name);
  if (!actual) return 'missing';
  if (actual.type !== expected.type) return `a ${actual.type}`;
  if (expected.type === 'view') return answers(db, expected.name) ? undefined : 'does not answer';
  // At 001 a trigger may be another program's, spelled its way; 002 makes them ours.
  if (expected.type === 'trigger' && version === baseVersion) return undefined;
  const missing = expected.shape.filter((part) => !actual.shape.includes(part));
  return missing.length === 0 ? undefined : `no ${missing.join(', no ')}`;
}

function answers(db: Database, view: string): boolean {
  try {
    db.prepare(`SELECT * FROM "${view}" LIMIT 0`).all();
    return true;
  } catch {
    return false; // its table or a column of it is gone; the caller reports it
  }
}

function mayPutBack(db: Database, base: SchemaObjects, { object, kind }: Difference): boolean {
  if (isSearchObject(object)) return true;
  if (kind === 'different' || !base.has(object.name)) return false;
  return object.name === 'conversation_files' ? neverHeldFiles(db) : true;
}

/**
 * Every insert of a file leaves an access entry, and SQLite remembers the highest number that an AUTOINCREMENT table
 * gave, also when the rows are gone: an access log that never gave one is the witness that no file was ever here.
 */
function neverHeldFiles(db: Database): boolean {
  if (!hasTable(db, 'file_access_log')) return false;
  const numbered = db.prepare(`SELECT 1 FROM sqlite_sequence WHERE seq > 0 AND name IN
    ('file_access_log', 'file_metadata', 'session_file_associations', 'file_cleanup_queue', 'audit_entries')`);
  if (numbered.get() !== undefined) return false;
  return ['blobs', 'ledger', 'sessions'].every(
    (table) => !hasTable(db, table) || db.prepare(`SELECT 1 FROM ${table} LIMIT 1`).get() === undefined,
  );
}

function damaged(missing: readonly string[], got: string, cause?: unknown): StoreError {
  return new StoreError(
    'SCHEMA_DAMAGED',
    `expected the schema to be complete, got ${got}; it must not be put back empty: restore a backup`,
    { cause, facts: { missing } },
  );
}
