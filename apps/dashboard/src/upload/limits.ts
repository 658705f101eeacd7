// What uploads may take: each, together, and for how long.

import { type Config, defaults } from '@filefleet/config';

export interface UploadLimits {
  /** Bytes of one file. */
  readonly fileBytes: number;
  /** Bytes and files that may lie in the folder `incoming` together: what comes, and what waits for the writer. */
  readonly totalBytes: number;
  readonly totalFiles: number;
  /** Files that a form of our pages brings at once. */
  readonly formFiles: number;
  /** Uploads at the same time; others wait for a place, as many as `waiting`, for `patienceMs` milliseconds. */
  readonly atOnce: number;
  readonly waiting: number;
  readonly patienceMs: number;
  /** A client that sends nothing for this long is given up, in milliseconds. */
  readonly stallMs: number;
  /** How long a whole upload may take to arrive, in milliseconds. */
  readonly bodyMs: number;
  /** How long the writer may take for its receipt, in milliseconds; then the answer is 202. */
  readonly receiptMs: number;
}

/** The part of the configuration that says so. */
export type UploadConfig = Pick<
  Config,
  | 'uploadFileBytes'
  | 'uploadFormFiles'
  | 'uploadTotalBytes'
  | 'uploadTotalFiles'
  | 'uploadAtOnce'
  | 'uploadWaiting'
  | 'uploadWaitingSeconds'
  | 'uploadStallSeconds'
  | 'uploadBodySeconds'
  | 'uploadReceiptSeconds'
>;

/** Pure: limits as the configuration has them; what it leaves out is the default. */
export function uploadLimitsOf(config: Partial<UploadConfig>): UploadLimits {
  const from: UploadConfig = { ...defaults, ...config };
  return {
    fileBytes: from.uploadFileBytes,
    totalBytes: from.uploadTotalBytes,
    totalFiles: from.uploadTotalFiles,
    formFiles: from.uploadFormFiles,
    atOnce: from.uploadAtOnce,
    waiting: from.uploadWaiting,
    patienceMs: from.uploadWaitingSeconds * 1_000,
    stallMs: from.uploadStallSeconds * 1_000,
    bodyMs: from.uploadBodySeconds * 1_000,
    receiptMs: from.uploadReceiptSeconds * 1_000,
  };
}
