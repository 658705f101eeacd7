// A backup, when somebody asks or every so many hours. One step however long it takes: nothing is unlinked meanwhile.

import { isStoreError, type MadeBackup } from '@filefleet/store';
import type { Emit } from '../events.ts';
import { type Step, Stopping, type Task } from './task.ts';

export interface BackupTaskOptions {
  readonly makeBackup: () => Promise<MadeBackup>;
  /** Undefined: only when somebody asks. */
  readonly everyMs: number | undefined;
  readonly isStopping: () => boolean;
  readonly emit: Emit;
}

export function backupTask({ makeBackup, everyMs, isStopping, emit }: BackupTaskOptions): Task {
  const step = async (): Promise<Step> => {
    const startedAt = performance.now();
    try {
      const { name, manifest, copied } = await makeBackup();
      const tookMs = Math.round(performance.now() - startedAt);
      const { commitSequence, missing } = manifest;
      const facts = { name, commitSequence, missing: missing.length, ...copied, tookMs };
      emit('backup.made', facts);
      return { more: false, rows: 1, result: { ok: true, ...facts } };
    } catch (error) {
      if (isStopping()) throw new Stopping();
      if (!isItsOwn(error)) throw error;
      const { code, message } = error;
      emit('backup.failed', { code, message });
      return { more: false, rows: 0, result: { ok: false, code, message } };
    }
  };
  return { name: 'backup', everyMs, isNoted: true, mayBeAbandoned: true, decidesByAge: false, step };
}

/** The disk of the backups is not the store's: what happens there ends no writer. */
function isItsOwn(error: unknown): error is Error & { code: string } {
  return isStoreError(error) && (error.code === 'BACKUP_FAILED' || error.code === 'BACKUP_BUSY');
}
