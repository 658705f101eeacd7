// What the content stage needs beside the group transaction: is a digest held, was an operation settled, and where do large
// bytes go. Reads through a connection of its own, so it may live in another thread than the writing one. Whatever it says
// is asked again in the transaction.

import { join } from 'node:path';
import type { Operation } from '@filefleet/protocol';
import type { Database } from 'better-sqlite3';
import { type BlobRow, findHeldBlob } from './blob-rows.ts';
import { type BlobDraft, BlobFiles } from './blobs.ts';
import { BytesFolder, quarantineLimits, refusedBytesLimits } from './bytes-folder.ts';
import { openReadConnection } from './connection.ts';
import { blobsDir, damagedPrefix, databasePath, deadLettersDir, quarantineDir, tmpDir } from './data-dir.ts';
import { assertEpoch } from './group.ts';
import { findLedgerRow } from './ledger.ts';
import type { SweptBlob } from './life/slice.ts';
import { isRetry, retriedOperation } from './operations/refused.ts';
import { Refusal } from './operations/turn.ts';
import { one } from './statements.ts';
import type { Without } from './tenure.ts';

/** A refused store that is to be executed anew. */
export interface RetriedStore {
  readonly digest: string;
  readonly size: number;
  /** Where its bytes would be, if they were kept; undefined: they never were. */
  readonly path: string | undefined;
}

export class ContentDesk {
  /** Held open until the process ends: it keeps -wal and -shm in place, so that readers under another user can open the database. */
  readonly #db: Database;
  readonly #dataDir: string;
  readonly #blobs: BlobFiles;
  /** Bytes of refused stores. */
  readonly refused: BytesFolder;
  readonly #epoch: number;

  /**
   * @param epoch of this tenure: it is part of the names of the files that are made here.
   * @param probe called at named steps; tests let the process die there.
   * @param without protections taken out, for tests that must go red without them.
   */
  constructor(dataDir: string, epoch: number, probe?: (step: string) => void, without?: Without) {
    this.#dataDir = dataDir;
    this.#epoch = epoch;
    this.refused = new BytesFolder(deadLettersDir(dataDir), refusedBytesLimits);
    this.#db = openReadConnection(databasePath(dataDir));
    this.#blobs = new BlobFiles(
      { blobsDir: blobsDir(dataDir), tmpDir: tmpDir(dataDir) },
      epoch,
      probe,
      without,
    );
    this.lastCommit(); // a connection that has not read keeps nothing open
  }

  /** Where the bytes of a digest are, if the store holds them at this moment. Damaged ones count as not held. */
  findBlob(digest: string): BlobRow | undefined {
    return findHeldBlob(this.#db, digest);
  }

  /** Whether the ledger has a receipt, so that nobody need look at the content. */
  isSettled(operationId: string): boolean {
    return findLedgerRow(this.#db, operationId) !== undefined;
  }

  /** Begins a blob that is too large for the database. */
  beginBlob(): Promise<BlobDraft> {
    return this.#blobs.begin();
  }

  /** Makes bytes durable that nobody may look at: those of a job in quarantine. @returns the file's name. */
  keepQuarantined(draft: BlobDraft, operationId: string): Promise<string> {
    return draft.keepIn(quarantineDir(this.#dataDir), operationId);
  }

  /**
   * The store that a retry would execute, and where its bytes were kept.
   * @returns undefined for a retry of anything else, and for one that will be refused.
   */
  retriedStore(retry: Operation): RetriedStore | undefined {
    if (!isRetry(retry)) return undefined;
    const operation = this.#retried(retry);
    if (operation?.name !== 'file-store') return undefined;
    const { digest, size } = operation.payload;
    return { digest, size, path: this.#keptPath(retry) };
  }

  #retried(retry: Parameters<typeof retriedOperation>[1]): Operation | undefined {
    try {
      return retriedOperation(this.#db, retry);
    } catch (error) {
      if (error instanceof Refusal) return undefined; // the transaction says so
      throw error;
    }
  }

  #keptPath(retry: Parameters<typeof retriedOperation>[1]): string | undefined {
    if (retry.name === 'dead-letter-retry') return this.refused.pathOf(retry.payload.deadLetterId);
    const sql = 'SELECT bytes_name AS name FROM quarantine WHERE quarantine_id = ?';
    const name = one<{ name: string | null }>(this.#db, sql, retry.payload.quarantineId)?.name;
    return name ? join(quarantineDir(this.#dataDir), name) : undefined;
  }

  /** Removes bytes of refused stores and of the quarantine that are too old, too many, or listed no more. @returns how many files. */
  async pruneKept(nowMs: number): Promise<number> {
    const isRow = (sql: string) => (name: string) => one(this.#db, sql, name) !== undefined;
    const isJob = isRow('SELECT 1 FROM quarantine WHERE bytes_name = ?');
    const isQuarantined = (name: string) => name.startsWith(damagedPrefix) || isJob(name);
    const quarantine = new BytesFolder(quarantineDir(this.#dataDir), quarantineLimits);
    const refused = await this.refused.prune(
      isRow('SELECT 1 FROM dead_letters WHERE operation_id = ?'),
      nowMs,
    );
    return refused + (await quarantine.prune(isQuarantined, nowMs));
  }

  /**
   * Unlinks a blob file of this tenure when no row names it: its operation was refused, or somebody's equal bytes were
   * first. Names are unique per incarnation, so no other writer's file can be hit.
   */
  async discardUnnamed(name: string): Promise<void> {
    if (this.#isNamed(name)) return;
    await this.#blobs.remove(name);
  }

  /**
   * Unlinks the files of contents whose rows a committed slice removed, and makes that durable: one fsync for each folder.
   * @returns how many files there were; what a kill leaves behind is found as orphans.
   * @throws StoreError EPOCH_SUPERSEDED, STORAGE_FAULT
   */
  async removeSwept(swept: readonly SweptBlob[]): Promise<number> {
    const names = swept.flatMap(({ name }) => name ?? []);
    if (names.length === 0) return 0;
    this.assertEpoch();
    return this.#blobs.removeAll(names);
  }

  #isNamed(name: string): boolean {
    return one(this.#db, 'SELECT 1 FROM blobs WHERE name = ?', name) !== undefined;
  }

  /** Removes temp files of earlier tenures. @returns how many. */
  clearTemps(): Promise<number> {
    return this.#blobs.clearTemps();
  }

  /** @throws StoreError EPOCH_SUPERSEDED when another writer has taken over. */
  assertEpoch(): void {
    assertEpoch(this.#db, this.#epoch);
  }

  /** The number and time of the last group commit; time null when there was none. */
  lastCommit(): { commitSequence: number; committedAtMs: number | null } {
    const sql = 'SELECT commit_sequence AS sequence, committed_at_ms AS atMs FROM commit_state WHERE id = 1';
    const row = one<{ sequence: number; atMs: number }>(this.#db, sql);
    return { commitSequence: row?.sequence ?? 0, committedAtMs: row && row.sequence > 0 ? row.atMs : null };
  }

  /** Path of the database's WAL, for its size. */
  get walPath(): string {
    return `${join(databasePath(this.#dataDir))}-wal`;
  }

  close(): void {
    this.#db.close();
  }
}
