// Opens SQLite the way durability needs it: every pragma set at every open, and read back. better-sqlite3 is compiled
// with WAL synchronous = NORMAL and says FULL until the first write, so FULL is set by hand and asserted after a write.

import { closeSync, existsSync, openSync, statSync } from 'node:fs';
import SQLite, { type Database } from 'better-sqlite3';
import { fileMode } from './data-dir.ts';
import { StoreError } from './errors.ts';
import { asStoreError, isBusy } from './sqlite-errors.ts';

/** 'FFLT' in ASCII: marks a database as ours in its header (bytes 68-71). */
export const applicationId = 0x46464c54;

/** Before 3.51.3 two connections that checkpoint at once could corrupt the database. */
export const minimumSqliteVersion = '3.51.3';

const busyTimeoutMs = 5_000;
const walLimitBytes = 64 * 1024 * 1024;
/** Pages of WAL after which the writer checkpoints: 32 MiB. SQLite's 4 MiB would sync the database every second group. */
const checkpointPages = 8_192;
/** Negative: KiB. Indexes over digests are written at random; SQLite's 2 MiB would read them again and again. */
const cacheKiB = -65_536;
const synchronousFull = 2;

/** Pragmas that last as long as the connection: what is set, and what must be read back. */
const commonPragmas: readonly (readonly [name: string, set: string, expected: number])[] = [
  ['busy_timeout', String(busyTimeoutMs), busyTimeoutMs],
  ['foreign_keys', 'ON', 1],
  ['cell_size_check', 'ON', 1],
  ['trusted_schema', 'OFF', 0],
  ['mmap_size', '0', 0],
  ['temp_store', 'MEMORY', 2],
];

/**
 * Opens the database for the one process that writes, and creates the file if there is none. Writes once (the
 * application id), because `synchronous` can only be believed after a write. Look before with `inspectDatabase`:
 * this function does not ask whose database it is.
 * @throws StoreError PRAGMA_REFUSED, PATH_INVALID, DATABASE_CORRUPT, STORAGE_FAULT
 */
export function openWriterConnection(databasePath: string): Database {
  const open = () => {
    createFile(databasePath);
    return new SQLite(databasePath, { timeout: busyTimeoutMs });
  };
  return opened(databasePath, open, prepareForWriting);
}

/**
 * Opens the database for reading only. Never checkpoints; creates no file but the -wal and -shm that SQLite needs.
 * @throws StoreError NOT_INITIALIZED, PRAGMA_REFUSED, PATH_INVALID, DATABASE_CORRUPT, STORAGE_FAULT
 */
export function openReadConnection(databasePath: string): Database {
  assertFileIsThere(databasePath);
  const open = () =>
    new SQLite(databasePath, { readonly: true, fileMustExist: true, timeout: busyTimeoutMs });
  return opened(databasePath, open, (db) => {
    assertSqliteVersion(db);
    setPragmas(db, [...commonPragmas, ['query_only', 'ON', 1], ['wal_autocheckpoint', '0', 0]]);
  });
}

/** A database that this user may not see is none to be made anew. */
function assertFileIsThere(databasePath: string): void {
  const facts = { databasePath };
  try {
    if (statSync(databasePath, { throwIfNoEntry: false })) return;
  } catch (cause) {
    const message = `expected the database ${databasePath} to be within reach, got ${(cause as Error).message}; be the user whose data folder it is`;
    throw new StoreError('PATH_INVALID', message, { cause, facts });
  }
  throw new StoreError(
    'NOT_INITIALIZED',
    `expected a database at ${databasePath}, got no file; where it is elsewhere, set FILEFLEET_DATA_DIR; else start the writer once, or type: npx filefleet migrate up`,
    { facts },
  );
}

function opened(path: string, open: () => Database, prepare: (db: Database) => void): Database {
  let db: Database | undefined;
  try {
    db = open();
    prepare(db);
    connections.add(db);
    return db;
  } catch (error) {
    db?.close();
    throw asStoreError(error, `opening ${path}`);
  }
}

/** SQLite would make the file 0644; -wal and -shm take the mode of the database. */
function createFile(databasePath: string): void {
  if (existsSync(databasePath)) return;
  try {
    closeSync(openSync(databasePath, 'wx', fileMode));
  } catch (cause) {
    if (existsSync(databasePath)) return; // another process was faster
    throw new StoreError(
      'PATH_INVALID',
      `expected to create ${databasePath}, got ${cause instanceof Error ? cause.message : String(cause)}; check the folder, its owner and mode`,
      { cause, facts: { databasePath } },
    );
  }
}

/**
 * Whether this thread has a connection to the file. Then nobody may open and close it with `fs`:
 * that close would drop the POSIX locks of the connection.
 */
export function isConnected(databasePath: string): boolean {
  const wanted = identity(databasePath);
  for (const db of connections) if (!db.open) connections.delete(db);
  return wanted !== undefined && [...connections].some((db) => identity(db.name) === wanted);
}

const connections = new Set<Database>();

function identity(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
  return stat && `${stat.dev}:${stat.ino}`;
}

function prepareForWriting(db: Database): void {
  assertSqliteVersion(db);
  setPragmas(db, commonPragmas);
  retryWhileBusy(() =>
    expectPragma(db, 'journal_mode', db.pragma('journal_mode = WAL', { simple: true }), 'wal'),
  );
  setPragmas(db, [
    ['synchronous', 'FULL', synchronousFull],
    ['journal_size_limit', String(walLimitBytes), walLimitBytes],
    ['wal_autocheckpoint', String(checkpointPages), checkpointPages],
    ['cache_size', String(cacheKiB), cacheKiB],
  ]);
  retryWhileBusy(() => db.pragma(`application_id = ${applicationId}`));
  expectPragma(db, 'application_id', read(db, 'application_id'), applicationId);
  assertDurable(db);
}

/**
 * The settings without which a receipt would be a guess; cheap enough to be asked again at any time.
 * @throws StoreError PRAGMA_REFUSED
 */
export function assertDurable(db: Database): void {
  expectPragma(db, 'journal_mode', read(db, 'journal_mode'), 'wal');
  expectPragma(db, 'synchronous', read(db, 'synchronous'), synchronousFull);
  expectPragma(db, 'foreign_keys', read(db, 'foreign_keys'), 1);
}

function setPragmas(db: Database, pragmas: readonly (readonly [string, string, number])[]): void {
  for (const [name, set, expected] of pragmas) {
    db.pragma(`${name} = ${set}`);
    expectPragma(db, name, read(db, name), expected);
  }
}

function read(db: Database, pragma: string): unknown {
  return db.pragma(pragma, { simple: true });
}

function expectPragma(db: Database, name: string, got: unknown, expected: number | string): void {
  if (got === expected) return;
  throw new StoreError(
    'PRAGMA_REFUSED',
    `expected pragma ${name} of ${db.name} to be ${expected}, got ${String(got)}; durability cannot be promised with it`,
    { facts: { pragma: name, expected, got } },
  );
}

function assertSqliteVersion(db: Database): void {
  const version = String(db.prepare('SELECT sqlite_version()').pluck().get());
  if (compareVersions(version, minimumSqliteVersion) >= 0) return;
  throw new StoreError(
    'PRAGMA_REFUSED',
    `expected SQLite to be ${minimumSqliteVersion} or newer, got ${version}; run npm ci with the lockfile of this project`,
    { facts: { expected: minimumSqliteVersion, got: version } },
  );
}

/** Negative, zero or positive, as a is older than, equal to or newer than b. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.split('.').map(Number)) as [number[], number[]];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * Tries again for 5 seconds while SQLite is busy. The switch to WAL does not honour busy_timeout: of six processes at a
 * new file, one in twelve fails at once.
 */
export function retryWhileBusy<Result>(step: () => Result): Result {
  const giveUpAtMs = performance.now() + busyTimeoutMs;
  for (;;) {
    try {
      return step();
    } catch (error) {
      if (!isBusy(error) || performance.now() > giveUpAtMs) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5 + Math.random() * 20);
    }
  }
}
