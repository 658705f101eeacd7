// Every default of the configuration, once. What has no default here is either optional or made at start.

import { limits } from '@filefleet/protocol';

export const defaults = Object.freeze({
  /** Relative to the folder in which the program was started. */
  dataDir: '.filefleet',
  /** Relative to the data folder. */
  backupDir: 'backups',
  shard: 0,
  vm: 'vm0',
  logLevel: 'info',
  groupOperations: limits.groupOperations,
  groupBytes: limits.groupBytes,
  inlineBlobBytes: limits.inlineBlobBytes,
  stagedTotalBytes: limits.stagedTotalBytes,
  queuedOperationsPerVm: limits.queuedOperationsPerVm,
  /** A little less than the 5 s that a service manager should have to wait. */
  stopTimeoutMs: 4_000,
  /** Given back when the disk is full, so that operations that free bytes can still commit. */
  ballastBytes: 64 * 1024 * 1024,
  sweepGraceHours: 24,
  scrubDays: 30,
  maintenanceSeconds: 60,
  /** Relative to the data folder. */
  dashboardDir: 'dashboard',
  redisPort: 7379,
  dashboardHost: '127.0.0.1',
  dashboardPort: 7400,
  dashboardOneTimePassword: false,
  uploadFileBytes: limits.stagedFileBytes,
  uploadFormFiles: 20,
  uploadTotalBytes: 1024 * 1024 * 1024,
  uploadTotalFiles: 1_000,
  uploadAtOnce: 16,
  uploadWaiting: 64,
  uploadWaitingSeconds: 10,
  uploadStallSeconds: 30,
  uploadBodySeconds: 600,
  uploadReceiptSeconds: 30,
} as const);
