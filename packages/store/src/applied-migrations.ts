// What a database says about its own version: the rows of `schema_migrations`, and what this program makes of them.

import type { Database } from 'better-sqlite3';
import { StoreError } from './errors.ts';
import { latestVersion, type Migration, unknownVersion } from './migrations.ts';

export interface AppliedMigration {
  readonly version: string;
  readonly description: string;
  /** UTC, `YYYY-MM-DD HH:MM:SS`. */
  readonly appliedAt: string | null;
  /** Null when another program applied it, or before checksums were kept. */
  readonly checksum: string | null;
}

/** Recorded migrations, oldest first; none when there is no such table yet. */
export function readApplied(db: Database): readonly AppliedMigration[] {
  if (!hasTable(db, 'schema_migrations')) return [];
  const checksum = hasChecksums(db) ? 'checksum' : 'NULL';
  return db
    .prepare(
      `SELECT version, description, applied_at AS appliedAt, ${checksum} AS checksum FROM schema_migrations
       WHERE status = 'completed' OR status IS NULL ORDER BY version`,
    )
    .all() as AppliedMigration[];
}

/** The newest recorded version, or 'unknown' when none is recorded yet. */
export function recordedVersion(db: Database): string {
  return readApplied(db).at(-1)?.version ?? unknownVersion;
}

/**
 * Whether this program may go on with a database that has these migrations.
 * @throws StoreError SCHEMA_NEWER, MIGRATION_UNKNOWN, MIGRATION_EDITED, SCHEMA_DAMAGED (a version is missing in between)
 */
export function assertKnown(applied: readonly AppliedMigration[], migrations: readonly Migration[]): void {
  for (const [i, row] of applied.entries()) {
    const migration = migrations.find((candidate) => candidate.version === row.version);
    if (!migration) throw unknownOrNewer(row.version, migrations);
    if (row.checksum !== null && row.checksum !== migration.checksum) throw edited(row, migration);
    if (migration.number !== i + 1) throw gapBefore(migration);
  }
}

/**
 * The header remembers a version that `schema_migrations` does not: the record is lost, and which tables must be there
 * cannot be told any more.
 * @throws StoreError SCHEMA_DAMAGED
 */
export function assertRecordIsKept(db: Database): void {
  const userVersion = Number(db.pragma('user_version', { simple: true }));
  if (userVersion === 0 || readApplied(db).length > 0) return;
  throw new StoreError(
    'SCHEMA_DAMAGED',
    `expected schema_migrations to record version ${userVersion}, got no record; restore a backup`,
    { facts: { missing: ['schema_migrations'], userVersion } },
  );
}

/** The error for a recorded version that is not among ours. */
export function unknownOrNewer(version: string, migrations: readonly Migration[]): StoreError {
  const newest = latestVersion(migrations);
  const newer = Number(version) > Number(newest);
  return new StoreError(
    newer ? 'SCHEMA_NEWER' : 'MIGRATION_UNKNOWN',
    `expected the schema to be at version ${newest} or older, got ${version}; ` +
      (newer ? 'run the newer program that migrated it' : 'another program recorded it: restore a backup'),
    { facts: { version, newest } },
  );
}

export function hasTable(db: Database, name: string): boolean {
  return db.prepare(`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?`).get(name) !== undefined;
}

/** Whether the database has any table of anybody. */
export function hasTables(db: Database): boolean {
  const sql = `SELECT 1 FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' LIMIT 1`;
  return db.prepare(sql).get() !== undefined;
}

/** Checksums are kept from the migration on that adds their column. */
export function hasChecksums(db: Database): boolean {
  const sql = `SELECT 1 FROM pragma_table_info('schema_migrations') WHERE name = 'checksum'`;
  return db.prepare(sql).get() !== undefined;
}

function edited(row: AppliedMigration, migration: Migration): StoreError {
  return new StoreError(
    'MIGRATION_EDITED',
    `expected migration ${row.version} to have checksum ${row.checksum}, as it had when it was applied, got ${migration.checksum}; ` +
      'put the file back as it was and write a new migration for the change',
    { facts: { version: row.version, expected: row.checksum, got: migration.checksum } },
  );
}

function gapBefore(migration: Migration): StoreError {
  return new StoreError(
    'SCHEMA_DAMAGED',
    `expected every version before ${migration.version} to be recorded in schema_migrations, got a gap; restore a backup`,
    { facts: { missing: ['schema_migrations'], version: migration.version } },
  );
}
