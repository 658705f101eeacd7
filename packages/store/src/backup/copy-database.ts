// Copies the database while it is being written to. Only from the connection that writes: SQLite then carries later changes
// over into the copy, while a backup through any other connection begins anew after each commit and never ends.

import { type FileHandle, open } from 'node:fs/promises';
import type { Database } from 'better-sqlite3';
import { StoreError } from '../errors.ts';

export interface BackupPace {
  /** How long one slice may hold up the thread, in milliseconds; 4 when left out. */
  readonly sliceMs?: number;
  /** Called after each slice, with the pages that are left. */
  readonly onSlice?: (remainingPages: number) => void;
}

export interface DatabaseCopy {
  readonly pages: number;
  readonly slices: number;
}

const firstPages = 64;
/** SQLite syncs the copy at its end, in this thread: what was synced before, beside it, it need not wait for then. */
const syncEveryBytes = 8 * 1024 * 1024;
const unsyncedBytes = 32 * 1024 * 1024;

/**
 * Copies a database page by page, in slices with a turn of the event loop between two: groups commit there. The copy is as
 * of its last slice, and on the disk when this resolves; its name in the folder is not.
 * @param db the connection that writes, outside of any transaction.
 * @param targetPath a file that is not there yet.
 * @throws StoreError BACKUP_FAILED; CLOSED when the connection was closed meanwhile. No file is left then.
 */
export async function backupDatabase(
  db: Database,
  targetPath: string,
  pace: BackupPace = {},
): Promise<DatabaseCopy> {
  const pacer = new Pacer(db, targetPath, pace);
  try {
    const { totalPages } = await db.backup(targetPath, { progress: (left) => pacer.next(left) });
    return { pages: totalPages, slices: pacer.slices };
  } catch (cause) {
    throw asBackupError(cause, db, targetPath);
  } finally {
    await pacer.close();
  }
}

/** Says how many pages the next slice has. */
class Pacer {
  slices = 0;
  readonly #pageBytes: number;
  readonly #sliceMs: number;
  readonly #targetPath: string;
  readonly #onSlice: ((remainingPages: number) => void) | undefined;
  #pages = firstPages;
  #given = 0;
  #beganAt = 0;
  #unsynced = 0;
  #handle: FileHandle | undefined;
  #syncing: Promise<void> | undefined;

  constructor(db: Database, targetPath: string, { sliceMs = 4, onSlice }: BackupPace) {
    this.#pageBytes = Number(db.pragma('page_size', { simple: true }));
    this.#sliceMs = sliceMs;
    this.#onSlice = onSlice;
    this.#targetPath = targetPath;
  }

  next({ remainingPages }: { remainingPages: number }): number {
    const took = performance.now() - this.#beganAt;
    if (this.#given > 0) this.#measure(took);
    this.#onSlice?.(remainingPages);
    // Runs right before the next slice, after everything else of this turn: so only the slice is measured.
    setImmediate(() => {
      this.#beganAt = performance.now();
    });
    const isLast = remainingPages <= this.#pages;
    if (this.#unsynced >= syncEveryBytes || (isLast && this.#unsynced > 0)) this.#sync();
    if (this.#syncing && (isLast || this.#unsynced > unsyncedBytes)) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1); // the disk is behind; better-sqlite3 would spin
      this.#given = 0;
    } else this.#given = this.#pages;
    return this.#given;
  }

  #measure(tookMs: number): void {
    this.slices += 1;
    this.#unsynced += this.#given * this.#pageBytes;
    const fitting = (this.#given * this.#sliceMs) / Math.max(tookMs, 0.1);
    this.#pages = Math.round(Math.min(this.#given * 2, Math.max(16, fitting)));
  }

  #sync(): void {
    if (this.#syncing) return;
    this.#unsynced = 0;
    this.#syncing = this.#syncOnce().finally(() => {
      this.#syncing = undefined;
    });
  }

  /** Its failure is not the end: SQLite's own sync at the end says whether the bytes are there. */
  async #syncOnce(): Promise<void> {
    try {
      this.#handle ??= await open(this.#targetPath, 'r');
      await this.#handle.datasync();
    } catch {
      return;
    }
  }

  async close(): Promise<void> {
    await this.#syncing;
    await this.#handle?.close();
  }
}

function asBackupError(cause: unknown, db: Database, targetPath: string): StoreError {
  if (!db.open) {
    const message = 'expected the database to stay open for its backup, got it closed; make the backup again';
    return new StoreError('CLOSED', message, { cause });
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StoreError(
    'BACKUP_FAILED',
    `expected to copy the database to ${targetPath}, got: ${reason}; check the disk of the backups`,
    { cause, facts: { targetPath } },
  );
}
