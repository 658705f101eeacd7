// A backup, when somebody asks or every so many hours. It takes minutes to hours, so it goes on beside the other tasks: its
// first step begins it, and its last one comes when it is over. Whatever unlinks or moves blob files waits meanwhile.

import { isStoreError, type MadeBackup } from '@filefleet/store';
import type { Emit } from '../events.ts';
import type { Step, Task } from './task.ts';

export interface BackupTaskOptions {
  readonly makeBackup: () => Promise<MadeBackup>;
  /** Undefined: only when somebody asks. */
  readonly everyMs: number | undefined;
  /** Called when a backup is over, however it ended: what waited for it may go on. */
  readonly onOver: () => void;
  readonly emit: Emit;
}

/** A backup that was begun. */
interface Making {
  readonly made: Promise<MadeBackup>;
  readonly startedAt: number;
  /** Resolves with it, however it ends. */
  readonly over: Promise<void>;
  isOver: boolean;
}

export class BackupTask implements Task {
  readonly name = 'backup';
  readonly isNoted = true;
  readonly decidesByAge = false;
  readonly everyMs: number | undefined;
  readonly #options: BackupTaskOptions;
  #making: Making | undefined;

  constructor(options: BackupTaskOptions) {
    this.#options = options;
    this.everyMs = options.everyMs;
  }

  /** While this is true, no blob file of the store may be unlinked or moved: the copy of the database may name it. */
  get isUnderWay(): boolean {
    return this.#making?.isOver === false;
  }

  /** Resolves when no backup is under way. */
  async over(): Promise<void> {
    await this.#making?.over;
  }

  isWaiting(): boolean {
    return this.isUnderWay;
  }

  async step(): Promise<Step> {
    if (this.#making) return this.#end(this.#making);
    this.#begin();
    return { more: true, rows: 0 };
  }

  #begin(): void {
    const made = this.#options.makeBackup();
    const over = () => {
      making.isOver = true;
      this.#options.onOver();
    };
    const making = { made, startedAt: performance.now(), over: made.then(over, over), isOver: false };
    this.#making = making;
  }

  async #end({ made, startedAt }: Making): Promise<Step> {
    const { emit } = this.#options;
    this.#making = undefined;
    try {
      const { name, manifest, copied } = await made;
      const tookMs = Math.round(performance.now() - startedAt);
      const { commitSequence, missing } = manifest;
      const facts = { name, commitSequence, missing: missing.length, ...copied, tookMs };
      emit('backup.made', facts);
      return { more: false, rows: 1, result: { ok: true, ...facts } };
    } catch (error) {
      if (!isItsOwn(error)) throw error;
      const { code, message } = error;
      emit('backup.failed', { code, message });
      return { more: false, rows: 0, result: { ok: false, code, message } };
    }
  }
}

/** The disk of the backups is not the store's: what happens there ends no writer. */
function isItsOwn(error: unknown): error is Error & { code: string } {
  return isStoreError(error) && (error.code === 'BACKUP_FAILED' || error.code === 'BACKUP_BUSY');
}
