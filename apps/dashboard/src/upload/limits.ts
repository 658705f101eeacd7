// What uploads may take: each, together, and for how long.

import { limits as protocol } from '@filefleet/protocol';

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

const MiB = 1024 * 1024;

export const defaultUploadLimits: UploadLimits = Object.freeze({
  fileBytes: protocol.stagedFileBytes,
  totalBytes: 1024 * MiB,
  totalFiles: 1_000,
  formFiles: 20,
  atOnce: 16,
  waiting: 64,
  patienceMs: 10_000,
  stallMs: 30_000,
  bodyMs: 600_000,
  receiptMs: 30_000,
});
