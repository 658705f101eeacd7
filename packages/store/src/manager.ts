// The store's front door. Opening looks first and makes at most the base schema in an empty database; initialising
// migrates, puts back what may be put back, and validates. Both may be done again and again, by several processes.

import type { Database } from 'better-sqlite3';
import { assertRecordIsKept, hasTables, readApplied, recordedVersion } from './applied-migrations.ts';
import { type Clock, systemClock } from './clock.ts';
import { assertDurable, openWriterConnection } from './connection.ts';
import { databasePath, ensureDataDir, resolveDataDir } from './data-dir.ts';
import { StoreError } from './errors.ts';
import { inspectDatabase } from './inspection.ts';
import {
  asMigrationError,
  type DownOptions,
  type DownPlan,
  migrateDown,
  migrateUp,
  planDown,
} from './migration-runner.ts';
import { loadMigrations, type Migration } from './migrations.ts';
import { healSchema } from './validation.ts';

export interface OpenOptions {
  /** The data folder; made when absent, nested parents included. */
  readonly dataDir: string;
  readonly clock?: Clock;
  /** Where the numbered .sql files are; those of this package when left out. */
  readonly migrationsDir?: string;
}

export interface InitializeResult {
  /** The recorded version, such as '002'. */
  readonly schemaVersion: string;
  /** Versions that this call applied; none when there was nothing to do. */
  readonly applied: readonly string[];
  /** Names of objects that were missing or wrong and were put back. */
  readonly healed: readonly string[];
}

export interface MigrationStatus {
  readonly version: string;
  readonly description: string;
  readonly state: 'applied' | 'pending';
  /** UTC, `YYYY-MM-DD HH:MM:SS`; only for applied ones. */
  readonly appliedAt?: string;
}

export class ConversationFileManager {
  readonly #db: Database;
  readonly #migrations: readonly Migration[];
  readonly #clock: Clock;

  /**
   * Phase 1: looks at the database, makes folders, opens it for writing. A database with no tables gets the tables of
   * 001, not recorded as a version yet. A file that is damaged, foreign or newer stays byte-identical. Takes no lock:
   * whoever writes without the writer calls `acquireWriterLock` first.
   * @throws StoreError DATABASE_CORRUPT, DATABASE_FOREIGN, SCHEMA_NEWER, SCHEMA_DAMAGED, MIGRATION_EDITED,
   *   MIGRATION_UNKNOWN, PATH_INVALID, PRAGMA_REFUSED, STORAGE_FAULT
   */
  static async open(options: OpenOptions): Promise<ConversationFileManager> {
    const migrations = loadMigrations(options.migrationsDir);
    const dataDir = resolveDataDir(options.dataDir);
    inspectDatabase(databasePath(dataDir), migrations);
    ensureDataDir(dataDir);
    const db = openWriterConnection(databasePath(dataDir));
    try {
      createBaseSchema(db, migrations);
      return new ConversationFileManager(db, migrations, options.clock ?? systemClock);
    } catch (error) {
      db.close();
      throw asMigrationError(error, 'making the base schema');
    }
  }

  private constructor(db: Database, migrations: readonly Migration[], clock: Clock) {
    this.#db = db;
    this.#migrations = migrations;
    this.#clock = clock;
  }

  /**
   * Phase 2: puts back what may be put back, migrates up, validates every object of the version that is then recorded.
   * @param options.to the last version to apply; the newest when left out. Never goes down.
   * @throws StoreError SCHEMA_DAMAGED, MIGRATION_FAILED, MIGRATION_EDITED, MIGRATION_UNKNOWN, SCHEMA_NEWER, STORAGE_FAULT
   */
  initialize(options: { readonly to?: string } = {}): InitializeResult {
    const db = this.connection();
    assertRecordIsKept(db);
    // Migrations rest on the objects of the version before them.
    const healedBefore = hasTables(db) ? healSchema(db, this.#migrations) : [];
    const applied = migrateUp(db, this.#migrations, this.#clock, options.to);
    const healedAfter = healSchema(db, this.#migrations);
    assertDurable(db);
    return { schemaVersion: this.getSchemaVersion(), applied, healed: [...healedBefore, ...healedAfter] };
  }

  /** The recorded version, or 'unknown' before the first migration. */
  getSchemaVersion(): string {
    return recordedVersion(this.connection());
  }

  /** Every migration of this program, oldest first, and whether this database has it. */
  migrationStatus(): MigrationStatus[] {
    const applied = new Map(readApplied(this.connection()).map((row) => [row.version, row]));
    return this.#migrations.map(({ version, description }) => {
      const row = applied.get(version);
      if (!row) return { version, description, state: 'pending' };
      const appliedAt = row.appliedAt === null ? {} : { appliedAt: row.appliedAt };
      return { version, description: row.description, state: 'applied', ...appliedAt };
    });
  }

  /**
   * The same as `initialize`, in the words of `filefleet migrate up`.
   * @returns the versions applied.
   */
  migrateUp(options: { readonly to?: string } = {}): readonly string[] {
    return this.initialize(options).applied;
  }

  /**
   * What going down would take back and lose.
   * @param options.to a version, or 'none' for an empty database.
   * @throws StoreError MIGRATION_UNKNOWN
   */
  planDown(options: { readonly to: string }): DownPlan {
    return planDown(this.connection(), this.#migrations, options.to);
  }

  /**
   * Goes down to a version, all steps in one transaction.
   * @param options.discard agree to lose what `planDown` lists; `planId`: only if the plan is still that one.
   * @returns the versions taken back, newest first.
   * @throws StoreError WOULD_LOSE_DATA with facts `{losses}`, PLAN_STALE with facts `{plan}`, MIGRATION_UNKNOWN,
   *   MIGRATION_FAILED, STORAGE_FAULT
   */
  migrateDown(options: DownOptions): readonly string[] {
    return migrateDown(this.connection(), this.#migrations, options);
  }

  /**
   * The connection that writes; for this package.
   * @throws StoreError CLOSED
   */
  connection(): Database {
    if (this.#db.open) return this.#db;
    throw new StoreError('CLOSED', 'expected the manager to be open, got a closed one; open it again');
  }

  /** Closes the connection; the last one to close moves the WAL into the database. Closing twice does no harm. */
  close(): void {
    this.#db.close();
  }
}

/** Asked again under the write lock: several processes may come at once, and one of them makes it. */
function createBaseSchema(db: Database, migrations: readonly Migration[]): void {
  if (hasTables(db)) return;
  const create = db.transaction(() => {
    if (!hasTables(db)) db.exec(migrations[0]?.upSql ?? '');
  });
  create.immediate();
}
