// The group transaction: the only place that begins and commits. Many operations, one COMMIT, one fsync.
// A savepoint per operation keeps a bad one from hurting its neighbours.

import type { Database } from 'better-sqlite3';
import { StoreError } from './errors.ts';
import { machineFault } from './faults.ts';
import { GroupMemory } from './group-memory.ts';
import { ContentGone, Refusal, Unsettled } from './operations/turn.ts';
import {
  type Entry,
  type Moment,
  type Result,
  refuseOperation,
  settleMalformed,
  settleOperation,
} from './settle.ts';
import { one, run, statement } from './statements.ts';
import type { Tenure } from './tenure.ts';

export interface GroupResult {
  /** One result per entry, in the order of the entries. */
  readonly results: readonly Result[];
  /** Number of this commit; the last one's when nothing was written. */
  readonly commitSequence: number;
}

/**
 * Applies the entries in order and commits them together. When it returns, all of it is on the disk.
 * @throws StoreError EPOCH_SUPERSEDED when another writer has taken over; STORAGE_FULL, STORAGE_BUSY when nothing was
 *   applied and the same group may be tried again; STORAGE_FAULT when the disk cannot be trusted any more (never retried).
 */
export function applyGroup(db: Database, tenure: Tenure, entries: readonly Entry[]): GroupResult {
  return entries.some(isSessionWide)
    ? withTempFiles(db, () => applyTogether(db, tenure, entries))
    : applyTogether(db, tenure, entries);
}

/** All files of a session at once: thousands of statements in one savepoint. */
function isSessionWide(entry: Entry): boolean {
  if (entry.kind !== 'operation') return false;
  const { name } = entry.operation;
  return name === 'session-cleanup' || name === 'session-restore';
}

/**
 * SQLite notes for a savepoint what its pages were. In memory it walks over all of these notes at the end of each statement
 * (memjrnlTruncate of 3.5x), so the time of a savepoint grows with the square of its statements: 65 s for a session of 10,000
 * files. In a temp file it grows evenly: 0.7 s. For the many small savepoints of other groups memory is a fifth cheaper.
 */
function withTempFiles<T>(db: Database, work: () => T): T {
  db.pragma('temp_store = FILE');
  try {
    return work();
  } finally {
    db.pragma('temp_store = MEMORY');
  }
}

function applyTogether(db: Database, tenure: Tenure, entries: readonly Entry[]): GroupResult {
  try {
    statement(db, 'BEGIN IMMEDIATE').run();
    if (!tenure.without?.has('epoch')) assertEpoch(db, tenure.epoch);
    tenure.probe?.('commit.begun');
    const moment = openMoment(db, tenure);
    const results = entries.map((entry) => applyEntry(moment, entry));
    moment.memory.flush(moment.nowMs);
    run(
      db,
      'UPDATE commit_state SET commit_sequence = ?, committed_at_ms = ? WHERE id = 1',
      moment.commitSequence,
      moment.nowMs,
    );
    tenure.probe?.('commit.applied');
    statement(db, 'COMMIT').run();
    tenure.probe?.('commit.done');
    return { results, commitSequence: moment.commitSequence };
  } catch (error) {
    if (db.inTransaction) statement(db, 'ROLLBACK').run();
    throw machineFault(error) ?? error;
  }
}

/** Raised at the start of each tenure; a lower epoch than the highest must not commit (promise 4). */
export function assertEpoch(db: Database, epoch: number): void {
  const highest = one<{ epoch: number }>(db, 'SELECT max(epoch) AS epoch FROM writer_epochs')?.epoch ?? 0;
  if (highest === epoch) return;
  throw new StoreError(
    'EPOCH_SUPERSEDED',
    `expected the highest epoch to be ours (${epoch}), got ${highest}; another writer has taken over, this one must stop`,
    { facts: { epoch, highest } },
  );
}

function openMoment(db: Database, tenure: Tenure): Moment {
  const last = one<{ commitSequence: number }>(
    db,
    'SELECT commit_sequence AS commitSequence FROM commit_state WHERE id = 1',
  );
  if (!last)
    throw new StoreError(
      'SCHEMA_DAMAGED',
      'expected commit_state to have one row, got none; restore a backup',
    );
  const nowMs = tenure.clock.nowMs();
  return {
    db,
    memory: new GroupMemory(db),
    nowMs,
    committedAt: new Date(nowMs).toISOString(),
    commitSequence: last.commitSequence + 1,
    tenure,
  };
}

function applyEntry(moment: Moment, entry: Entry): Result {
  if (entry.kind === 'malformed') return applyMalformed(moment, entry);
  try {
    return inSavepoint(moment.db, () => settleOperation(moment, entry));
  } catch (error) {
    if (error instanceof ContentGone) return { kind: 'content-gone' };
    const { operationId } = entry.operation.payload;
    if (error instanceof Unsettled)
      return { kind: 'resend', answer: { operationId, outcome: 'resend', code: error.code } };
    const refusal = refusalFrom(error);
    return inSavepoint(moment.db, () => refuseOperation(moment, entry, refusal));
  }
}

/** What could be read of a malformed job is not to be trusted: if it cannot be settled, the job is kept all the same. */
function applyMalformed(moment: Moment, entry: Extract<Entry, { kind: 'malformed' }>): Result {
  try {
    return inSavepoint(moment.db, () => settleMalformed(moment, entry));
  } catch (error) {
    if (error instanceof StoreError || machineFault(error)) throw error;
    return inSavepoint(moment.db, () => settleMalformed(moment, { kind: 'malformed', job: entry.job }));
  }
}

/** An operation's own fault is refused; what the machine did fails the whole group. */
function refusalFrom(error: unknown): { code: Refusal['code']; message?: string } {
  if (error instanceof Refusal) return { code: error.code, message: error.message };
  if (error instanceof StoreError || machineFault(error)) throw error;
  return {
    code: 'EXECUTION_FAILED',
    message: 'expected the operation to be executable, got an internal error; see the log',
  };
}

function inSavepoint<T>(db: Database, work: () => T): T {
  statement(db, 'SAVEPOINT operation').run();
  try {
    const result = work();
    statement(db, 'RELEASE operation').run();
    return result;
  } catch (error) {
    // Some errors (SQLITE_FULL, SQLITE_IOERR) have rolled the whole transaction back already; then a further
    // statement would commit alone. The group fails as a whole.
    if (!db.inTransaction) throw machineFault(error) ?? transactionLost(error);
    statement(db, 'ROLLBACK TO operation').run();
    statement(db, 'RELEASE operation').run();
    throw error;
  }
}

function transactionLost(cause: unknown): StoreError {
  return new StoreError('STORAGE_FAULT', 'expected the group transaction to be open, got none', { cause });
}
