// From SQLite's result codes to ours: the one place that reads them.

import { StoreError, type StoreErrorCode } from './errors.ts';

/** The extended result code of an error raised by SQLite, such as `SQLITE_BUSY_SNAPSHOT`. */
export function sqliteCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  const { code } = error;
  return typeof code === 'string' && code.startsWith('SQLITE_') ? code : undefined;
}

/** Whether another connection holds a lock that ours needs. */
export const isBusy = (error: unknown): boolean => /^SQLITE_(BUSY|LOCKED)/.test(sqliteCode(error) ?? '');

/** Our code for an error of SQLite; undefined when it is the statement's own fault (a constraint, a wrong column). */
export function storeCodeOf(error: unknown): StoreErrorCode | undefined {
  const code = sqliteCode(error) ?? '';
  if (/^SQLITE_(CORRUPT|NOTADB|FORMAT)/.test(code)) return 'DATABASE_CORRUPT';
  if (/^SQLITE_(CANTOPEN|READONLY|PERM|AUTH)/.test(code)) return 'PATH_INVALID';
  if (/^SQLITE_FULL/.test(code)) return 'STORAGE_FULL';
  if (/^SQLITE_(NOMEM|BUSY|LOCKED|PROTOCOL|INTERRUPT)/.test(code)) return 'STORAGE_BUSY';
  if (/^SQLITE_IOERR/.test(code)) return 'STORAGE_FAULT';
  return undefined;
}

/**
 * Wraps an environment error of SQLite; leaves everything else as it is.
 * @param doing what was tried, in words that follow "while": `opening /data/x.db`.
 */
export function asStoreError(error: unknown, doing: string): unknown {
  const code = storeCodeOf(error);
  if (code === undefined || !(error instanceof Error)) return error;
  return new StoreError(code, `${advice[code] ?? 'SQLite failed'} while ${doing}: ${error.message}`, {
    cause: error,
    facts: { sqlite: sqliteCode(error) },
  });
}

const advice: Partial<Record<StoreErrorCode, string>> = {
  DATABASE_CORRUPT: 'expected a healthy SQLite database, got a damaged one; restore a backup. Seen',
  PATH_INVALID: 'expected the database to be readable and its folder writable; check owner and mode. Seen',
  STORAGE_FULL: 'expected room on the disk, got none; free some space. Seen',
  STORAGE_BUSY: 'expected nobody else to lock the database; stop other programs that write to it. Seen',
  STORAGE_FAULT: 'expected the disk to take and give bytes; check it, then start again. Seen',
};
