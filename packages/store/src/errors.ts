// The one error type of this package and the one table of its codes. Codes that travel in answers are the
// protocol's; these stay on the machine that holds the data folder.

/** What each code means, and with which exit code a process ends that cannot go on because of it. */
export const storeErrorCodes = {
  DATABASE_CORRUPT: { meaning: 'The file is not a readable SQLite database.', exitCode: 78 },
  DATABASE_FOREIGN: { meaning: 'The SQLite database belongs to another program.', exitCode: 78 },
  SCHEMA_NEWER: { meaning: 'The database was migrated by a newer program.', exitCode: 78 },
  SCHEMA_DAMAGED: { meaning: 'Objects are missing that must not be put back empty.', exitCode: 78 },
  MIGRATION_FAILED: { meaning: 'A migration step failed; nothing of it was kept.', exitCode: 78 },
  MIGRATION_EDITED: { meaning: 'A migration file is not the one that was applied.', exitCode: 78 },
  MIGRATION_UNKNOWN: { meaning: 'No migration has this version.', exitCode: 78 },
  WOULD_LOSE_DATA: { meaning: 'The way down loses data that nobody has agreed to lose.', exitCode: 78 },
  PLAN_STALE: { meaning: 'What a plan was made for has changed since.', exitCode: undefined },
  PATH_INVALID: { meaning: 'The data folder cannot be used or made.', exitCode: 78 },
  PRAGMA_REFUSED: { meaning: 'SQLite does not run with the settings that durability needs.', exitCode: 78 },
  NOT_INITIALIZED: { meaning: 'There is no database yet, or it was not initialised.', exitCode: 78 },
  LOCK_HELD: { meaning: 'Another process may write to this data folder.', exitCode: 75 },
  EPOCH_SUPERSEDED: { meaning: 'A later writer has taken over.', exitCode: 75 },
  STORAGE_FULL: {
    meaning: 'The disk is full; nothing was applied, the same may be tried again.',
    exitCode: 74,
  },
  STORAGE_BUSY: {
    meaning: 'The database or files are not at hand just now; nothing was applied.',
    exitCode: 74,
  },
  STORAGE_FAULT: { meaning: 'The disk failed. A failed fsync is never tried again.', exitCode: 74 },
  BACKUP_FAILED: { meaning: 'The backup could not be written; the store is unaffected.', exitCode: 74 },
  BACKUP_BUSY: { meaning: 'Another process works in the folder of backups.', exitCode: 75 },
  BACKUP_UNKNOWN: { meaning: 'No backup has this name.', exitCode: undefined },
  BACKUP_DAMAGED: { meaning: 'A backup is not as it was made.', exitCode: 78 },
  SOURCE_CHANGED: { meaning: 'What is being adopted was changed meanwhile.', exitCode: undefined },
  RESTORE_UNFINISHED: { meaning: 'A restore was ended halfway; it has to be run again.', exitCode: 78 },
  DATA_PRESENT: { meaning: 'The data folder holds files that would be replaced.', exitCode: 78 },
  CLOSED: { meaning: 'The object was used after it was closed.', exitCode: undefined },
  FILE_NOT_FOUND: { meaning: 'No file has this id.', exitCode: undefined },
  FILE_DELETED: { meaning: 'The file is deleted; it can be restored.', exitCode: undefined },
  CONTENT_NOT_IMPORTED: {
    meaning: 'The row was adopted from another program; its bytes were not.',
    exitCode: undefined,
  },
  CONTENT_MISSING: { meaning: 'The bytes are not where their row says.', exitCode: undefined },
  CONTENT_DAMAGED: { meaning: 'The bytes do not have the digest or size of their row.', exitCode: undefined },
  CURSOR_INVALID: { meaning: 'The cursor is not one that this query gave.', exitCode: undefined },
  LIMIT_INVALID: { meaning: 'The limit is not a whole number within bounds.', exitCode: undefined },
} as const;

export type StoreErrorCode = keyof typeof storeErrorCodes;
export type StoreErrorFacts = Readonly<Record<string, unknown>>;

/** Raised by everything in this package. Recognise it by `code`; `facts` holds what the message says, as fields. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  readonly facts: StoreErrorFacts;

  /**
   * @param message of the form: expected X to be Y, got Z; what to do.
   * @param options `facts` as fields, `cause` as always.
   */
  constructor(
    code: StoreErrorCode,
    message: string,
    options: ErrorOptions & { facts?: StoreErrorFacts } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.facts = options.facts ?? {};
  }

  /** sysexits-like code for a process that this error ends; undefined when no process should end for it. */
  get exitCode(): 74 | 75 | 78 | undefined {
    return storeErrorCodes[this.code].exitCode;
  }
}

/** @returns whether this is a StoreError, and one of `codes` when some are given. */
export function isStoreError(error: unknown, ...codes: StoreErrorCode[]): error is StoreError {
  return error instanceof StoreError && (codes.length === 0 || codes.includes(error.code));
}
