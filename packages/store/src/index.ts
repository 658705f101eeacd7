// @filefleet/store: what VM0 keeps. The only package that imports better-sqlite3.

export { type Adoption, type AdoptOptions, adoptStore } from './adopt/adopt.ts';
export type { Outcome, RowReport, TableSummary } from './adopt/report.ts';
export { type ChainedEntry, chainBeginning, chainHash } from './audit-chain.ts';
export { type BackupPace, backupDatabase, type DatabaseCopy } from './backup/copy-database.ts';
export { findInlineBytes } from './backup/inline-bytes.ts';
export { type ListedBackup, listBackups, type Verdict } from './backup/list-backups.ts';
export { type BackupRun, lastBackupRun, makeBackupAlone } from './backup/make-alone.ts';
export { type MadeBackup, type MakeBackupOptions, makeBackup } from './backup/make-backup.ts';
export type { Manifest, MissingBlob } from './backup/manifest.ts';
export { type Pruned, pruneBackups } from './backup/prune-backups.ts';
export { type RestoredStore, type RestoreOptions, restoreBackup } from './backup/restore.ts';
export { type VerifyBackupOptions, verifyBackup } from './backup/verify-backup.ts';
export { type BlobRow, healBlob, type KnownBlob } from './blob-rows.ts';
export { BlobDraft } from './blobs.ts';
export { CareReader } from './care-reader.ts';
export { type Clock, systemClock } from './clock.ts';
export type { Bytes, Content } from './content.ts';
export { ContentDesk, type RetriedStore } from './content-desk.ts';
export { type ByteRange, CheckedContents } from './content-range.ts';
export {
  blobsDir,
  databasePath,
  deadLettersDir,
  ensureDataDir,
  incomingDir,
  incomingLifeMs,
  incomingMode,
  lockPath,
  tmpDir,
} from './data-dir.ts';
export {
  isStoreError,
  StoreError,
  type StoreErrorCode,
  type StoreErrorFacts,
  storeErrorCodes,
} from './errors.ts';
export { isPassing, machineFault } from './faults.ts';
export type { GroupResult } from './group.ts';
export type { IntegrityReport } from './integrity.ts';
export {
  MaintenanceDesk,
  type NewestTimes,
  type ScrubContent,
  type TaskFacts,
} from './life/maintenance-desk.ts';
export type {
  RetentionPolicy,
  Slice,
  SliceEvent,
  SliceRequest,
  SweptBlob,
  TaskNote,
} from './life/slice.ts';
export { acquireWriterLock, type LockHolder, type WriterLock } from './lock.ts';
export {
  ConversationFileManager,
  type InitializeResult,
  type MigrationStatus,
  type OpenOptions,
} from './manager.ts';
export type { DownPlan, Loss } from './migration-runner.ts';
export { isOtherType } from './mime-types.ts';
export type { FileContent } from './open-content.ts';
export { isRetry } from './operations/refused.ts';
export type { AuditFilter, AuditPageOptions, AuditSlice } from './queries/audit-pages.ts';
export { defaultLimit, maximumLimit } from './queries/bounds.ts';
export type { CareFacts, DamagedContent, NotedTask } from './queries/care.ts';
export type { FileFacts, FilePage, FilePageOptions } from './queries/files.ts';
export type {
  ContentState,
  SameBytes,
  SameBytesOptions,
  UnsoundOptions,
} from './queries/files-query.ts';
export type { AccessEntry, Association, AuditEntry, AuditOptions } from './queries/history.ts';
export type { OperationFacts } from './queries/operation-facts.ts';
export type { DeadLetter, PendingCleanup, QuarantinedJob } from './queries/operations.ts';
export type { PlanFacts, PlanFigures, PlanRow } from './queries/plans.ts';
export type { RecordPage, RecordPageOptions } from './queries/record-pages.ts';
export type { RefusedCounts, RefusedFilter, RefusedPageOptions, Tally } from './queries/refused.ts';
export type { SearchFilter, SearchOptions, SearchSlice } from './queries/search.ts';
export type { SessionPage, SessionPageOptions } from './queries/session-pages.ts';
export type { RetentionFacts, SessionFacts } from './queries/sessions.ts';
export type { StoreStatistics, Usage, VmStatistics } from './queries/statistics.ts';
export type { DueGroup, DueOptions, FileGroup, SurveySlice } from './queries/survey.ts';
export { type LimitOptions, openReader, StoreReader } from './reader.ts';
export { type KeptBytes, RefusedReader } from './refused-reader.ts';
export { numbersOf } from './sequences.ts';
export type { Entry, MalformedIdentity, Result } from './settle.ts';
export { type Suspect, soloCrashBudget } from './suspects.ts';
export type { Protection } from './tenure.ts';
export { type StepReport, type VerifyOptions, verifyStore } from './verify/verify.ts';
export { WriterSession, type WriterSessionOptions } from './writer-session.ts';
