// The numbered .sql files: `NNN_name.up.sql`, `.down.sql`, and `.loss.sql`, a query that counts what going down would
// lose. Never edited once released: a database remembers the SHA-256 of the file that made it.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { StoreError } from './errors.ts';

export interface Migration {
  /** Three digits, from '001', without gaps. */
  readonly version: string;
  readonly number: number;
  /** The name of the file, in words. */
  readonly description: string;
  readonly upSql: string;
  readonly downSql: string;
  /** Gives rows `(what, rows)`; asked at this version, before going down. */
  readonly lossSql: string;
  /** SHA-256 of the up file, in hex. */
  readonly checksum: string;
}

/** What the database is called before its first migration is recorded. */
export const unknownVersion = 'unknown';

/** The migrations that this package ships. */
export const bundledMigrationsDir: string = join(import.meta.dirname, 'migrations');

const upFilePattern = /^(\d{3})_([a-z0-9_]+)\.up\.sql$/;

/**
 * Reads all migrations of a folder, in order.
 * @throws StoreError PATH_INVALID when the folder or a file of it cannot be read, or a number is missing.
 */
export function loadMigrations(dir: string = bundledMigrationsDir): readonly Migration[] {
  const migrations = listUpFiles(dir).map((file) => loadOne(dir, file));
  const gap = migrations.findIndex((migration, i) => migration.number !== i + 1);
  if (migrations.length === 0 || gap >= 0) {
    const got = migrations.map((migration) => migration.version).join(', ') || 'none';
    throw invalid(dir, `expected migrations 001, 002, ... without gaps in ${dir}, got ${got}`);
  }
  return migrations;
}

/**
 * Finds a migration by its version.
 * @throws StoreError MIGRATION_UNKNOWN
 */
export function requireMigration(migrations: readonly Migration[], version: string): Migration {
  const found = migrations.find((migration) => migration.version === version);
  if (found) return found;
  const known = migrations.map((migration) => migration.version);
  throw new StoreError(
    'MIGRATION_UNKNOWN',
    `expected the version to be one of ${known.join(', ')}, got ${JSON.stringify(version)}; see: npx filefleet migrate status`,
    { facts: { version, known } },
  );
}

/** The newest version that this program knows. */
export function latestVersion(migrations: readonly Migration[]): string {
  return migrations.at(-1)?.version ?? unknownVersion;
}

function listUpFiles(dir: string): string[] {
  try {
    return readdirSync(dir)
      .filter((name) => upFilePattern.test(name))
      .sort();
  } catch (cause) {
    throw invalid(dir, `expected ${dir} to be the folder of migrations; reinstall the program`, cause);
  }
}

function loadOne(dir: string, upFile: string): Migration {
  const [, version = '', name = ''] = upFilePattern.exec(upFile) ?? [];
  const read = (kind: string) => readSql(join(dir, `${version}_${name}.${kind}.sql`));
  const upSql = read('up');
  return {
    version,
    number: Number(version),
    description: name.replaceAll('_', ' '),
    upSql,
    downSql: read('down'),
    lossSql: read('loss'),
    checksum: createHash('sha256').update(upSql).digest('hex'),
  };
}

function readSql(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw invalid(path, `expected the migration file ${path} to be readable; reinstall the program`, cause);
  }
}

function invalid(path: string, message: string, cause?: unknown): StoreError {
  return new StoreError('PATH_INVALID', message, { cause, facts: { path } });
}
