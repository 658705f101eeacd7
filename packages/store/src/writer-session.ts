// A writer's tenure over one data folder: lock, database, epoch, and the verbs that only the writer has. Opened once
// per process; everything that changes the store goes through here.

import { hostname } from 'node:os';
import { ledgerRetentionMs } from '@filefleet/protocol';
import type { Database } from 'better-sqlite3';
import { type BlobRow, findBlob } from './blob-rows.ts';
import { type BlobDraft, BlobFiles } from './blobs.ts';
import { type Clock, systemClock } from './clock.ts';
import { assertDurable, openReadConnection } from './connection.ts';
import { blobsDir, databasePath, ensureDataDir, tmpDir } from './data-dir.ts';
import { applyGroup, assertEpoch, type GroupResult, type Tenure } from './group.ts';
import { findLedgerRow, pruneLedger } from './ledger.ts';
import { acquireWriterLock, type WriterLock } from './lock.ts';
import { ConversationFileManager } from './manager.ts';
import { pruneRefusals } from './refusals.ts';
import type { Entry } from './settle.ts';
import { one, run } from './statements.ts';

export interface WriterSessionOptions {
  /** Absolute path of the data folder; made when absent. */
  readonly dataDir: string;
  readonly clock?: Clock;
}

/** Receipts forgotten in one turn at most, so that a turn stays short. */
const prunedPerTurn = 5_000;

export class WriterSession {
  readonly epoch: number;
  readonly schemaVersion: string;
  /** Objects that initialisation put back. */
  readonly healed: readonly string[];
  readonly #manager: ConversationFileManager;
  readonly #db: Database;
  /** Keeps -wal and -shm in place, so that readers under another user can open the database at any time. */
  readonly #keeper: Database;
  readonly #lock: WriterLock;
  readonly #tenure: Tenure;
  readonly #blobs: BlobFiles;
  #closed = false;

  /**
   * Takes the lock, initialises the schema, raises the epoch, clears temp files of earlier tenures.
   * @throws StoreError LOCK_HELD, PATH_INVALID, and everything that opening and initialising can raise.
   */
  static async open(options: WriterSessionOptions): Promise<WriterSession> {
    const clock = options.clock ?? systemClock;
    ensureDataDir(options.dataDir);
    const lock = acquireWriterLock(options.dataDir, 'writer', clock);
    let manager: ConversationFileManager | undefined;
    try {
      manager = await ConversationFileManager.open({ dataDir: options.dataDir, clock });
      const initialized = manager.initialize();
      const session = new WriterSession(options.dataDir, clock, lock, manager, initialized);
      await session.#blobs.clearTemps();
      return session;
    } catch (error) {
      manager?.close();
      lock.release();
      throw error;
    }
  }

  private constructor(
    dataDir: string,
    clock: Clock,
    lock: WriterLock,
    manager: ConversationFileManager,
    initialized: { schemaVersion: string; healed: readonly string[] },
  ) {
    this.#lock = lock;
    this.#manager = manager;
    this.#db = manager.connection();
    this.schemaVersion = initialized.schemaVersion;
    this.healed = initialized.healed;
    this.epoch = raiseEpoch(this.#db, clock);
    assertDurable(this.#db);
    this.#tenure = { epoch: this.epoch, schemaVersion: this.schemaVersion, clock };
    this.#blobs = new BlobFiles({ blobsDir: blobsDir(dataDir), tmpDir: tmpDir(dataDir) }, this.epoch);
    this.#keeper = openReadConnection(databasePath(dataDir));
    one(this.#keeper, 'SELECT 1 FROM commit_state'); // a connection that has not read holds nothing open
  }

  /** Applies a group and commits it. @throws StoreError as applyGroup says. */
  apply(entries: readonly Entry[]): GroupResult {
    return applyGroup(this.#db, this.#tenure, entries);
  }

  /** Where the bytes of a digest are, if the store holds them at this moment. */
  findBlob(digest: string): BlobRow | undefined {
    return findBlob(this.#db, digest);
  }

  /** Whether the ledger has a receipt, so that nobody need look at the content. Asked again in the transaction. */
  isSettled(operationId: string): boolean {
    return findLedgerRow(this.#db, operationId) !== undefined;
  }

  /** Begins a blob that is too large for the database. */
  beginBlob(): Promise<BlobDraft> {
    return this.#blobs.begin();
  }

  /**
   * Unlinks a blob file of this tenure when no row names it: its operation was refused, or somebody's equal bytes were
   * first. Names are unique per incarnation, so no other writer's file can be hit.
   */
  async discardUnnamed(name: string): Promise<void> {
    if (one(this.#db, 'SELECT 1 FROM blobs WHERE name = ?', name)) return;
    await this.#blobs.remove(name);
  }

  /** Forgets old receipts, and the oldest refusals over their bounds. @throws StoreError EPOCH_SUPERSEDED */
  prune(): { receipts: number; refusals: number } {
    const prune = this.#db.transaction(() => {
      assertEpoch(this.#db, this.epoch);
      const beforeMs = this.#tenure.clock.nowMs() - ledgerRetentionMs;
      return { receipts: pruneLedger(this.#db, beforeMs, prunedPerTurn), refusals: pruneRefusals(this.#db) };
    });
    return prune.immediate();
  }

  /** The number and time of the last group commit; time null when there was none. */
  lastCommit(): { commitSequence: number; committedAtMs: number | null } {
    const row = one<{ sequence: number; atMs: number }>(
      this.#db,
      'SELECT commit_sequence AS sequence, committed_at_ms AS atMs FROM commit_state WHERE id = 1',
    );
    return { commitSequence: row?.sequence ?? 0, committedAtMs: row && row.sequence > 0 ? row.atMs : null };
  }

  /** Ends the tenure: notes the end, checkpoints, closes, and frees the lock last. Closing twice does no harm. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      const sql = 'UPDATE writer_epochs SET stopped_at_ms = ? WHERE epoch = ?';
      run(this.#db, sql, this.#tenure.clock.nowMs(), this.epoch);
      this.#db.pragma('wal_checkpoint(PASSIVE)');
    } finally {
      this.#manager.close();
      this.#keeper.close();
      this.#lock.release();
    }
  }
}

/** A tenure begins with a number higher than any before; AUTOINCREMENT never gives one twice. */
function raiseEpoch(db: Database, clock: Clock): number {
  const sql = 'INSERT INTO writer_epochs (holder, pid, started_at_ms) VALUES (?, ?, ?) RETURNING epoch';
  const row = one<{ epoch: number }>(db, sql, hostname(), process.pid, clock.nowMs());
  return row?.epoch ?? 0;
}
