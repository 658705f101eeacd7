// The sweep: contents that no file names go, after a grace time, row first; their files are unlinked after the COMMIT.
// `unreferenced_blobs` says where to look. Whether a content may go is asked anew, in the transaction that takes it.

import { all, one, run } from '../statements.ts';
import type { SliceMoment } from './moment.ts';
import type { SweptBlob } from './slice.ts';

interface Candidate {
  readonly blobId: number;
  readonly digest: string;
}

/** @param graceMs how long a content must have been without a file. */
export function sweep(moment: SliceMoment, graceMs: number): boolean {
  const { db, budget, nowMs } = moment;
  stampUnseen(moment);
  const sql = `SELECT blob_id AS blobId, digest FROM unreferenced_blobs WHERE since_ms <= ?
    ORDER BY since_ms LIMIT ?`;
  const due = all<Candidate>(db, sql, nowMs - graceMs, budget.left + 1);
  for (const candidate of due) {
    if (!budget.take()) return true;
    sweepBlob(moment, candidate);
  }
  return hasUnseen(moment);
}

/** The grace begins when the sweep first looks: triggers know no clock but SQLite's. */
export function stampUnseen({ db, budget, nowMs }: SliceMoment): void {
  const sql = 'SELECT blob_id AS blobId FROM unreferenced_blobs WHERE since_ms IS NULL LIMIT ?';
  for (const { blobId } of all<{ blobId: number }>(db, sql, budget.left)) {
    if (!budget.take()) return;
    run(db, 'UPDATE unreferenced_blobs SET since_ms = ? WHERE blob_id = ?', nowMs, blobId);
  }
}

export const hasUnseen = ({ db }: SliceMoment): boolean =>
  one(db, 'SELECT 1 FROM unreferenced_blobs WHERE since_ms IS NULL LIMIT 1') !== undefined;

/** @returns the bytes that are freed, or undefined when the content has to stay: a file names it again, or it is gone. */
export function sweepBlob(moment: SliceMoment, { blobId, digest }: Candidate): number | undefined {
  const { db, swept, without } = moment;
  if (!without?.has('sweep-recheck') && isReferenced(moment, digest)) {
    run(db, 'DELETE FROM unreferenced_blobs WHERE blob_id = ?', blobId);
    return undefined;
  }
  const gone = one<SweptBlob>(
    db,
    'DELETE FROM blobs WHERE blob_id = ? AND digest = ? RETURNING digest, size, name',
    blobId,
    digest,
  );
  if (!gone) return undefined;
  swept.push(gone);
  return gone.size;
}

const isReferenced = ({ db }: SliceMoment, digest: string): boolean =>
  one(db, 'SELECT 1 FROM conversation_files WHERE file_hash = ? LIMIT 1', digest) !== undefined;
