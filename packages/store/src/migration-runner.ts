// Takes a database up and down. The runner owns the transaction and the version row; migrations hold neither.
// Foreign keys are off while a step runs (a table rebuild under ON would delete all children), checked before COMMIT,
// and on again afterwards.

import { createHash } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import {
  assertKnown,
  hasChecksums,
  hasTable,
  hasTables,
  readApplied,
  recordedVersion,
} from './applied-migrations.ts';
import type { Clock } from './clock.ts';
import { isStoreError, StoreError } from './errors.ts';
import { expectedObjects } from './expected-objects.ts';
import { type Migration, requireMigration } from './migrations.ts';
import { normaliseSql, readSchemaObjects } from './schema-objects.ts';
import { asStoreError } from './sqlite-errors.ts';

/** One kind of thing that going down would lose. */
export interface Loss {
  readonly what: string;
  /** How many; never 0. */
  readonly rows: number;
}

/** What going down would do, before anybody says so. */
export interface DownPlan {
  /** SHA-256 over all of the below and over how far the database has come: the same only while nothing has changed. */
  readonly planId: string;
  readonly from: string;
  readonly to: string;
  /** Versions to be taken back, newest first; none when there is nothing to do. */
  readonly steps: readonly string[];
  readonly losses: readonly Loss[];
  /** Number of the last group commit; 0 in a database that has none. */
  readonly commitSequence: number;
}

/** The target of a way down that ends before the first migration. */
const nothingVersions = ['none', '000'];

/**
 * Applies what is pending, each migration in a transaction of its own. Several processes may do this at once: each
 * version is applied once.
 * @param to the last version to apply; the newest when left out.
 * @returns the versions that this call applied.
 * @throws StoreError MIGRATION_UNKNOWN, MIGRATION_EDITED, SCHEMA_NEWER, MIGRATION_FAILED, STORAGE_FAULT
 */
export function migrateUp(
  db: Database,
  migrations: readonly Migration[],
  clock: Clock,
  to?: string,
): string[] {
  const last = to === undefined ? migrations.length : requireMigration(migrations, to).number;
  assertKnown(readApplied(db), migrations);
  return migrations
    .filter((migration) => migration.number <= last && !isApplied(db, migration))
    .filter((migration) => applyOne(db, migrations, migration, clock))
    .map((migration) => migration.version);
}

/**
 * What going down to a version would take back and lose. Nothing is changed.
 * @param to a version, or 'none' for an empty database.
 * @throws StoreError MIGRATION_UNKNOWN
 */
export function planDown(db: Database, migrations: readonly Migration[], to: string): DownPlan {
  const steps = stepsDown(db, migrations, to);
  const losses = steps.flatMap(({ lossSql }) =>
    (db.prepare(lossSql).all() as Loss[]).filter(({ rows }) => rows > 0),
  );
  const plan = {
    from: recordedVersion(db),
    to,
    steps: steps.map(({ version }) => version),
    losses,
    commitSequence: lastCommit(db),
  };
  return { planId: createHash('sha256').update(JSON.stringify(plan)).digest('hex'), ...plan };
}

export interface DownOptions {
  /** A version, or 'none' for an empty database. */
  readonly to: string;
  /** Agree to lose what `planDown` lists. */
  readonly discard: boolean;
  /** Only if the plan is still this one. */
  readonly planId?: string;
}

/**
 * Goes down, all steps in one transaction.
 * @returns the versions taken back, newest first.
 * @throws StoreError PLAN_STALE, WOULD_LOSE_DATA, MIGRATION_UNKNOWN, MIGRATION_FAILED, STORAGE_FAULT
 */
export function migrateDown(
  db: Database,
  migrations: readonly Migration[],
  { to, discard, planId }: DownOptions,
): string[] {
  assertKnown(readApplied(db), migrations);
  return inMigrationTransaction(db, `going down to ${to}`, () => {
    const plan = planDown(db, migrations, to);
    if (planId !== undefined && planId !== plan.planId) throw planStale(planId, plan);
    if (plan.losses.length > 0 && !discard) throw wouldLose(plan);
    const steps = stepsDown(db, migrations, to);
    for (const migration of steps) {
      db.prepare('DELETE FROM schema_migrations WHERE version = ?').run(migration.version);
      db.exec(migration.downSql);
      db.pragma(`user_version = ${migration.number - 1}`);
    }
    return steps.map((migration) => migration.version);
  });
}

function lastCommit(db: Database): number {
  if (!hasTable(db, 'commit_state')) return 0;
  return (db.prepare('SELECT max(commit_sequence) FROM commit_state').pluck().get() as number | null) ?? 0;
}

function stepsDown(db: Database, migrations: readonly Migration[], to: string): Migration[] {
  const target = nothingVersions.includes(to) ? 0 : requireMigration(migrations, to).number;
  const applied = new Set(readApplied(db).map((row) => row.version));
  return migrations.filter(({ number, version }) => number > target && applied.has(version)).reverse();
}

function isApplied(db: Database, migration: Migration): boolean {
  return readApplied(db).some((row) => row.version === migration.version);
}

/** @returns false when another process was faster. */
function applyOne(
  db: Database,
  migrations: readonly Migration[],
  migration: Migration,
  clock: Clock,
): boolean {
  return inMigrationTransaction(db, `applying migration ${migration.version}`, () => {
    if (isApplied(db, migration)) return false;
    const startedMs = performance.now();
    const vouched = vouchForEarlier(db, migrations, migration);
    // Opening makes the tables of 001 and does not record them: then only the record is missing.
    if (migration.number > 1 || !hasTables(db)) db.exec(migration.upSql);
    recordApplied(db, migration, clock, Math.round(performance.now() - startedMs));
    if (hasChecksums(db)) for (const earlier of vouched) recordChecksum(db, earlier);
    db.pragma(`user_version = ${migration.number}`);
    return true;
  });
}

/**
 * The step that brings checksums also fills in those of earlier steps, but only for a database whose objects are to
 * the letter what our files make. What another program made stays without a checksum: nobody knows its file.
 */
function vouchForEarlier(
  db: Database,
  migrations: readonly Migration[],
  migration: Migration,
): readonly Migration[] {
  const earlier = migrations.filter((candidate) => candidate.number < migration.number);
  const previous = earlier.at(-1);
  if (!previous || hasChecksums(db)) return [];
  const actual = readSchemaObjects(db);
  const expected = [...expectedObjects(migrations, previous.version).values()];
  const same = expected.every((object) => {
    const found = actual.get(object.name);
    return found !== undefined && normaliseSql(found.sql) === normaliseSql(object.sql);
  });
  return same ? earlier : [];
}

function recordApplied(db: Database, migration: Migration, clock: Clock, executionTimeMs: number): void {
  db.prepare(
    `INSERT INTO schema_migrations (version, description, applied_at, status, execution_time_ms)
     VALUES (?, ?, datetime(? / 1000, 'unixepoch'), 'completed', ?)
     ON CONFLICT (version) DO UPDATE SET description = excluded.description, applied_at = excluded.applied_at,
       status = excluded.status, execution_time_ms = excluded.execution_time_ms`,
  ).run(migration.version, migration.description, clock.nowMs(), executionTimeMs);
  if (hasChecksums(db)) recordChecksum(db, migration);
}

function recordChecksum(db: Database, migration: Migration): void {
  const sql = 'UPDATE schema_migrations SET checksum = ? WHERE version = ?';
  db.prepare(sql).run(migration.checksum, migration.version);
}

function inMigrationTransaction<Result>(db: Database, doing: string, step: () => Result): Result {
  setForeignKeys(db, 'OFF');
  try {
    db.exec('BEGIN IMMEDIATE');
    const result = step();
    assertForeignKeysHold(db, doing);
    db.exec('COMMIT');
    return result;
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK');
    throw asMigrationError(error, doing);
  } finally {
    setForeignKeys(db, 'ON');
  }
}

/** Inside a transaction the pragma does nothing, and says nothing: so it is read back. */
function setForeignKeys(db: Database, value: 'ON' | 'OFF'): void {
  db.pragma(`foreign_keys = ${value}`);
  if (db.pragma('foreign_keys', { simple: true }) === (value === 'ON' ? 1 : 0)) return;
  throw new StoreError('PRAGMA_REFUSED', `expected pragma foreign_keys to be ${value}, got the opposite`);
}

function assertForeignKeysHold(db: Database, doing: string): void {
  const orphans = db
    .prepare('SELECT "table" AS name, count(*) AS rows FROM pragma_foreign_key_check GROUP BY 1')
    .all();
  if (orphans.length === 0) return;
  throw new StoreError(
    'MIGRATION_FAILED',
    `expected every row to refer to a file that exists after ${doing}, got orphans: ${JSON.stringify(orphans)}; ` +
      'nothing was changed; remove them, or restore a backup',
    { facts: { orphans } },
  );
}

/** What a failed step is called: our own errors as they are, the disk's as such, everything else MIGRATION_FAILED. */
export function asMigrationError(error: unknown, doing: string): unknown {
  if (isStoreError(error)) return error;
  const environment = asStoreError(error, doing);
  if (isStoreError(environment)) return environment;
  return new StoreError(
    'MIGRATION_FAILED',
    `expected ${doing} to succeed, got: ${error instanceof Error ? error.message : String(error)}; nothing of it was kept`,
    { cause: error },
  );
}

function wouldLose({ to, losses }: DownPlan): StoreError {
  const list = losses.map((loss) => `${loss.rows} ${loss.what}`).join('; ');
  return new StoreError(
    'WOULD_LOSE_DATA',
    `expected nothing to be lost by going down to ${to}, got: ${list}; back up first, then agree to discard it`,
    { facts: { losses } },
  );
}

function planStale(expected: string, plan: DownPlan): StoreError {
  return new StoreError(
    'PLAN_STALE',
    `expected the way down to ${plan.to} to be that of plan ${expected}, got ${plan.planId}: the database has changed since; ` +
      'nothing was changed; look at the plan as it is now',
    { facts: { expected, plan } },
  );
}
