// A writer's tenure over one data folder: lock, database, epoch, and the verbs that change the database. It owns the only
// writing connection, so it lives in one thread; what the content stage needs beside it is in content-desk.ts.

import { hostname } from 'node:os';
import { ledgerRetentionMs } from '@filefleet/protocol';
import type { Database } from 'better-sqlite3';
import { sealAudit } from './audit.ts';
import { type BackupPace, backupDatabase, type DatabaseCopy } from './backup/copy-database.ts';
import { type Clock, systemClock } from './clock.ts';
import { assertDurable } from './connection.ts';
import { ensureDataDir } from './data-dir.ts';
import { applyGroup, assertEpoch, type GroupResult } from './group.ts';
import { pruneLedger } from './ledger.ts';
import { maintainSlice } from './life/maintain.ts';
import type { Slice, SliceRequest } from './life/slice.ts';
import { acquireWriterLock, type WriterLock } from './lock.ts';
import { ConversationFileManager, type InitializeResult } from './manager.ts';
import { pruneRefusals } from './refusals.ts';
import type { Entry } from './settle.ts';
import { one, run } from './statements.ts';
import { readStoreId } from './store-id.ts';
import { beginSolo, noteSuspects, type Suspect } from './suspects.ts';
import type { Protection, Tenure } from './tenure.ts';

export interface WriterSessionOptions {
  /** Absolute path of the data folder; made when absent. */
  readonly dataDir: string;
  readonly clock?: Clock;
  /** Called at named steps; tests let a process die there. */
  readonly probe?: (step: string) => void;
  /** Protections taken out, for tests that must go red without them. */
  readonly without?: ReadonlySet<Protection>;
  /** Bounds the time of a slice of maintenance, in milliseconds; the process's own clock when left out. */
  readonly monotonic?: () => number;
}

/** Receipts forgotten in one turn at most, so that a turn stays short: whoever asks goes on until none is left. */
const prunedPerTurn = 500;

export class WriterSession {
  readonly epoch: number;
  readonly schemaVersion: string;
  /** The id of the store, the same for every writer that it ever has. */
  readonly storeId: string;
  /** Objects that initialisation put back. */
  readonly healed: readonly string[];
  readonly #manager: ConversationFileManager;
  readonly #db: Database;
  readonly #lock: WriterLock;
  readonly #tenure: Tenure;
  #closed = false;

  /**
   * Takes the lock, initialises the schema, raises the epoch.
   * @throws StoreError LOCK_HELD, PATH_INVALID, and everything that opening and initialising can raise.
   */
  static async open(options: WriterSessionOptions): Promise<WriterSession> {
    const clock = options.clock ?? systemClock;
    ensureDataDir(options.dataDir);
    const lock = acquireWriterLock(options.dataDir, 'writer', clock);
    let manager: ConversationFileManager | undefined;
    try {
      options.probe?.('start.locked');
      manager = await ConversationFileManager.open({ dataDir: options.dataDir, clock });
      const initialized = manager.initialize();
      return new WriterSession({ ...options, clock }, lock, manager, initialized);
    } catch (error) {
      manager?.close();
      lock.release();
      throw error;
    }
  }

  private constructor(
    options: WriterSessionOptions & { clock: Clock },
    lock: WriterLock,
    manager: ConversationFileManager,
    initialized: InitializeResult,
  ) {
    const { clock, probe, without, monotonic } = options;
    this.#lock = lock;
    this.#manager = manager;
    this.#db = manager.connection();
    this.schemaVersion = initialized.schemaVersion;
    this.healed = initialized.healed;
    this.storeId = readStoreId(this.#db);
    if (without?.has('synchronous')) this.#db.pragma('synchronous = OFF');
    this.epoch = raiseEpoch(this.#db, clock);
    assertDurable(this.#db);
    if (without?.has('fsync-commit')) this.#db.pragma('synchronous = NORMAL');
    const { epoch, schemaVersion } = this;
    this.#tenure = {
      epoch,
      schemaVersion,
      clock,
      ...(probe ? { probe } : {}),
      ...(without ? { without } : {}),
      ...(monotonic ? { monotonic } : {}),
    };
    this.#inTurn(() => sealAudit(this.#db, clock.nowMs(), 0));
  }

  /** Applies a group and commits it. @throws StoreError as applyGroup says. */
  apply(entries: readonly Entry[]): GroupResult {
    return applyGroup(this.#db, this.#tenure, entries);
  }

  /**
   * Notes which jobs were under way when the writer before this one ended without saying so: one of them may have killed it.
   * @param activeJobIds jobs that BullMQ still counts as active, before they are taken back.
   * @returns those that must run alone, with how often each crashed a writer while it did.
   */
  noteSuspects(activeJobIds: readonly string[]): readonly Suspect[] {
    return this.#inTurn(() => noteSuspects(this.#db, activeJobIds, this.epoch, this.#tenure.clock.nowMs()));
  }

  /** Notes, before it starts, that a suspect runs alone, and clears those that were settled since. */
  beginSolo(jobId: string | undefined, cleared: readonly string[]): void {
    this.#inTurn(() => beginSolo(this.#db, jobId, cleared));
  }

  /** Forgets old receipts, and the oldest refusals over their bounds. @throws StoreError EPOCH_SUPERSEDED */
  prune(): { receipts: number; refusals: number } {
    return this.#inTurn(() => {
      const beforeMs = this.#tenure.clock.nowMs() - ledgerRetentionMs;
      return { receipts: pruneLedger(this.#db, beforeMs, prunedPerTurn), refusals: pruneRefusals(this.#db) };
    });
  }

  /**
   * Copies the database to a file that is not there yet, in slices between which this session goes on applying groups.
   * @throws StoreError BACKUP_FAILED; CLOSED when the session is closed meanwhile.
   */
  backupTo(targetPath: string, pace?: BackupPace): Promise<DatabaseCopy> {
    return backupDatabase(this.#db, targetPath, pace);
  }

  /**
   * Does one slice of maintenance and commits it. Contents in `swept` may be unlinked afterwards (`ContentDesk.removeSwept`).
   * @throws StoreError EPOCH_SUPERSEDED; STORAGE_FULL, STORAGE_BUSY: nothing was done; STORAGE_FAULT: stop.
   */
  maintain(request: SliceRequest): Slice {
    return maintainSlice(this.#db, this.#tenure, request);
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
      this.#lock.release();
    }
  }

  /** A short transaction of this tenure beside the groups. @throws StoreError EPOCH_SUPERSEDED */
  #inTurn<T>(work: () => T): T {
    const turn = this.#db.transaction(() => {
      if (!this.#tenure.without?.has('epoch')) assertEpoch(this.#db, this.epoch);
      return work();
    });
    return turn.immediate();
  }
}

/** A tenure begins with a number higher than any before; AUTOINCREMENT never gives one twice. */
function raiseEpoch(db: Database, clock: Clock): number {
  const sql = 'INSERT INTO writer_epochs (holder, pid, started_at_ms) VALUES (?, ?, ?) RETURNING epoch';
  const row = one<{ epoch: number }>(db, sql, hostname(), process.pid, clock.nowMs());
  return row?.epoch ?? 0;
}
