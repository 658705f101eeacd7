// @filefleet/store: what VM0 keeps. The only package that imports better-sqlite3.

export { type Clock, systemClock } from './clock.ts';
export { blobsDir, databasePath, ensureDataDir, lockPath, tmpDir } from './data-dir.ts';
export {
  isStoreError,
  StoreError,
  type StoreErrorCode,
  type StoreErrorFacts,
  storeErrorCodes,
} from './errors.ts';
export { acquireWriterLock, type LockHolder, type WriterLock } from './lock.ts';
export {
  ConversationFileManager,
  type InitializeResult,
  type MigrationStatus,
  type OpenOptions,
} from './manager.ts';
export type { Loss } from './migration-runner.ts';
