// Reads, for everybody who is not the writer: a read-only connection, short statements, no checkpoint. An answer is
// what is there, or an error; never an empty list because something failed.

import type { Receipt } from '@filefleet/protocol';
import type { Database } from 'better-sqlite3';
import { hasTable, recordedVersion, unknownOrNewer } from './applied-migrations.ts';
import { CareReader } from './care-reader.ts';
import { applicationId, openReadConnection } from './connection.ts';
import { type ByteRange, CheckedContents } from './content-range.ts';
import { databasePath } from './data-dir.ts';
import { StoreError } from './errors.ts';
import { checkIntegrity, type IntegrityReport } from './integrity.ts';
import { latestVersion, loadMigrations } from './migrations.ts';
import { type FileContent, openContent } from './open-content.ts';
import * as files from './queries/files.ts';
import * as contents from './queries/files-query.ts';
import * as history from './queries/history.ts';
import { findOperation, type OperationFacts } from './queries/operation-facts.ts';
import * as operations from './queries/operations.ts';
import { findPlanFacts, listPlanRows, listPlans, type PlanFacts, type PlanRow } from './queries/plans.ts';
import * as pages from './queries/record-pages.ts';
import { type SearchOptions, type SearchSlice, searchFiles } from './queries/search.ts';
import { pageSessions, type SessionPage, type SessionPageOptions } from './queries/session-pages.ts';
import {
  findSession,
  getRetention,
  listSessions,
  type RetentionFacts,
  type SessionFacts,
} from './queries/sessions.ts';
import { getSessionUsage, getStatistics, type StoreStatistics, type Usage } from './queries/statistics.ts';
import { RefusedReader } from './refused-reader.ts';
import { asStoreError } from './sqlite-errors.ts';

export interface LimitOptions {
  /** 1 to 500; 50 when left out. */
  readonly limit?: number;
}

/**
 * Opens the data folder for reading. Takes no lock; a writer may come and go meanwhile.
 * @throws StoreError NOT_INITIALIZED when there is no database yet or its schema is older than this program,
 *   SCHEMA_NEWER, DATABASE_FOREIGN, DATABASE_CORRUPT, PATH_INVALID, STORAGE_FAULT
 */
export function openReader(options: { readonly dataDir: string }): StoreReader {
  const db = openReadConnection(databasePath(options.dataDir));
  try {
    assertReadable(db);
    return new StoreReader(db, options.dataDir);
  } catch (error) {
    db.close();
    throw asStoreError(error, `opening ${db.name}`);
  }
}

/** Every method but `close` throws StoreError CLOSED after `close`, and DATABASE_CORRUPT or STORAGE_FAULT as they come. */
export class StoreReader {
  readonly #db: Database;
  readonly #dataDir: string;
  readonly #checked = new CheckedContents();
  /** What whoever looks after the store as a whole wants to know. */
  readonly care = new CareReader((query) => this.#read(query));

  /** Refused operations and jobs in quarantine. */
  readonly refused: RefusedReader;

  /** For this package: use `openReader`. */
  constructor(db: Database, dataDir: string) {
    this.#db = db;
    this.#dataDir = dataDir;
    this.refused = new RefusedReader((query) => this.#read(query), dataDir);
  }

  /** @returns undefined when no file has this id (any more). */
  getFile(fileId: string): files.FileFacts | undefined {
    return this.#read((db) => files.findFileFacts(db, fileId));
  }

  /**
   * One page of a session's files, newest first; a session that nobody knows has an empty page.
   * @throws StoreError CURSOR_INVALID, LIMIT_INVALID
   */
  listSessionFiles(sessionId: string, options?: files.FilePageOptions): files.FilePage {
    return this.#read((db) => files.listSessionFiles(db, sessionId, options));
  }

  /** Most recently used first. @throws StoreError LIMIT_INVALID */
  listSessions(options?: LimitOptions): SessionFacts[] {
    return this.#read((db) => listSessions(db, options));
  }

  /** Page by page, with filters. @throws StoreError CURSOR_INVALID, LIMIT_INVALID */
  pageSessions(options?: SessionPageOptions): SessionPage {
    return this.#read((db) => pageSessions(db, options));
  }

  /**
   * Looks at up to 1,000 files, newest first, and says where to go on.
   * @throws StoreError CURSOR_INVALID, LIMIT_INVALID
   */
  searchFiles(options: SearchOptions): SearchSlice {
    return this.#read((db) => searchFiles(db, options));
  }

  /**
   * Files whose bytes are damaged or missing, as a search finds files.
   * @throws StoreError CURSOR_INVALID, LIMIT_INVALID
   */
  searchUnsound(options: contents.UnsoundOptions): SearchSlice {
    return this.#read((db) => contents.searchUnsound(db, options));
  }

  /** What is known of some bytes without reading them. @param digest 64 lower-case hex digits. */
  getContentState(digest: string): contents.ContentState {
    return this.#read((db) => contents.findContentState(db, digest));
  }

  /** Files with the same bytes, active ones first, newest first. @throws StoreError LIMIT_INVALID */
  listSameBytes(digest: string, options?: contents.SameBytesOptions): contents.SameBytes {
    return this.#read((db) => contents.listSameBytes(db, digest, options));
  }

  /** @returns undefined for a session that nobody knows (any more). */
  getSession(sessionId: string): SessionFacts | undefined {
    return this.#read((db) => findSession(db, sessionId));
  }

  /** The retention policy in force; undefined only in a damaged database. */
  getRetention(): RetentionFacts | undefined {
    return this.#read(getRetention);
  }

  /** @returns undefined for a plan that nobody made, or that was forgotten a day after it was finished. */
  getPlan(planId: string): PlanFacts | undefined {
    return this.#read((db) => findPlanFacts(db, planId));
  }

  /** Newest first. @throws StoreError LIMIT_INVALID */
  listPlans(options?: LimitOptions): PlanFacts[] {
    return this.#read((db) => listPlans(db, options));
  }

  /** What a plan selected, from its beginning. @throws StoreError LIMIT_INVALID */
  listPlanRows(planId: string, options?: LimitOptions): PlanRow[] {
    return this.#read((db) => listPlanRows(db, planId, options));
  }

  /** @throws StoreError FILE_NOT_FOUND */
  getMetadata(fileId: string): Record<string, string> {
    return this.#read((db) => history.getMetadata(db, fileId));
  }

  /** Oldest first. @throws StoreError FILE_NOT_FOUND */
  listAssociations(fileId: string): history.Association[] {
    return this.#read((db) => history.listAssociations(db, fileId));
  }

  /** 001's access log, newest first; the audit says more, and outlives the file. @throws StoreError FILE_NOT_FOUND */
  getAccessLog(fileId: string, options: LimitOptions = {}): history.AccessEntry[] {
    return this.#read((db) => history.getAccessLog(db, fileId, options.limit));
  }

  /** Newest first: of a file (also one that was purged), of a session, or of everything. @throws StoreError LIMIT_INVALID */
  listAudit(options: history.AuditOptions = {}): history.AuditEntry[] {
    return this.#read((db) => history.listAudit(db, options));
  }

  /** Exact, and at the same price however many files there are. */
  getStatistics(): StoreStatistics {
    return this.#read(getStatistics);
  }

  /** What one session holds; zeros for one that nobody knows. */
  getSessionUsage(sessionId: string): Usage {
    return this.#read((db) => getSessionUsage(db, sessionId));
  }

  /** Open reminders, soonest first. @throws StoreError LIMIT_INVALID */
  listPendingCleanups(options?: LimitOptions): operations.PendingCleanup[] {
    return this.#read((db) => operations.listPendingCleanups(db, options));
  }

  /** @returns the receipt as it was committed, or undefined when the ledger has none (any more). */
  getReceipt(operationId: string): Receipt | undefined {
    return this.#read((db) => operations.findReceipt(db, operationId));
  }

  /** Refused operations, newest first. @throws StoreError LIMIT_INVALID */
  listDeadLetters(options?: LimitOptions): operations.DeadLetter[] {
    return this.#read((db) => operations.listDeadLetters(db, options));
  }

  /** Jobs that nobody could read, newest first. @throws StoreError LIMIT_INVALID */
  listQuarantine(options?: LimitOptions): operations.QuarantinedJob[] {
    return this.#read((db) => operations.listQuarantine(db, options));
  }

  /** @returns undefined for an operation that was never settled, or is forgotten. */
  getOperation(operationId: string): OperationFacts | undefined {
    return this.#read((db) => findOperation(db, operationId));
  }

  /** Newest first. @throws StoreError CURSOR_INVALID, LIMIT_INVALID */
  pageDeadLetters(
    options?: Parameters<typeof pages.pageDeadLetters>[1],
  ): pages.RecordPage<operations.DeadLetter> {
    return this.#read((db) => pages.pageDeadLetters(db, options));
  }

  /** Newest first. @throws StoreError CURSOR_INVALID, LIMIT_INVALID */
  pageQuarantine(options?: pages.RecordPageOptions): pages.RecordPage<operations.QuarantinedJob> {
    return this.#read((db) => pages.pageQuarantine(db, options));
  }

  /** Open reminders, soonest first. @throws StoreError CURSOR_INVALID, LIMIT_INVALID */
  pagePendingCleanups(options?: pages.RecordPageOptions): pages.RecordPage<operations.PendingCleanup> {
    return this.#read((db) => pages.pagePendingCleanups(db, options));
  }

  /** Newest first, also of a file that was purged. @throws StoreError CURSOR_INVALID, LIMIT_INVALID */
  pageFileAudit(fileId: string, options?: pages.RecordPageOptions): pages.RecordPage<history.AuditEntry> {
    return this.#read((db) => pages.pageFileAudit(db, fileId, options));
  }

  /**
   * The bytes of a file, verified: inline ones before the first byte, files on the way, with an error instead of an end.
   * @param options.includeDeleted also those of a softly deleted file.
   * @param options.range a part of them: before the first part of a content its whole is read and checked.
   * @throws StoreError FILE_NOT_FOUND, FILE_DELETED, CONTENT_NOT_IMPORTED, CONTENT_MISSING, CONTENT_DAMAGED
   * @throws RangeError for a range that is not within the file.
   */
  async openContent(
    fileId: string,
    { includeDeleted = false, range }: { readonly includeDeleted?: boolean; readonly range?: ByteRange } = {},
  ): Promise<FileContent> {
    this.#assertOpen();
    try {
      const part = range && { range: { part: range, checked: this.#checked } };
      return await openContent(this.#db, this.#dataDir, fileId, { includeDeleted, ...part });
    } catch (error) {
      throw asStoreError(error, `reading the content of ${fileId}`);
    }
  }

  /** Reads the whole database: pages, foreign keys, schema. For doctor and verify. */
  checkIntegrity(): IntegrityReport {
    return this.#read(checkIntegrity);
  }

  /** Closing twice does no harm. Streams that were opened go on. */
  close(): void {
    this.#db.close();
  }

  /** One snapshot for all statements of a query. */
  #read<Result>(query: (db: Database) => Result): Result {
    this.#assertOpen();
    try {
      return this.#db.transaction(() => query(this.#db))();
    } catch (error) {
      throw asStoreError(error, `reading ${this.#db.name}`);
    }
  }

  #assertOpen(): void {
    if (this.#db.open) return;
    throw new StoreError('CLOSED', 'expected the reader to be open, got a closed one; open it again');
  }
}

/** @throws StoreError DATABASE_FOREIGN, NOT_INITIALIZED, SCHEMA_NEWER */
export function assertReadable(db: Database): void {
  const id = db.pragma('application_id', { simple: true });
  if (id !== applicationId && (id !== 0 || !hasTable(db, 'schema_migrations'))) {
    throw new StoreError(
      'DATABASE_FOREIGN',
      `expected ${db.name} to be a database of filefleet, got application id ${String(id)}; choose another FILEFLEET_DATA_DIR`,
      { facts: { applicationId: id } },
    );
  }
  const migrations = loadMigrations();
  const [expected, got] = [latestVersion(migrations), recordedVersion(db)];
  if (got === expected) return;
  if (Number(got) > Number(expected)) throw unknownOrNewer(got, migrations);
  throw new StoreError(
    'NOT_INITIALIZED',
    `expected the schema of ${db.name} to be at version ${expected}, got ${got}; start the writer once, or type: npx filefleet migrate up`,
    { facts: { expected, got } },
  );
}
