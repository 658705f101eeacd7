// The rows of a plan: what it selected, with what each was like then. Whether a content's last reference goes with the plan is
// known as the rows come in: the row counts how many of its files the plan has met.

import { createHash } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import { all, one, run } from '../../statements.ts';
import type { Plan } from './plan.ts';

export interface SelectedRow {
  readonly ordinal: number;
  /** Null for a content that no file names. */
  readonly fileId: string | null;
  readonly sessionId: string | null;
  /** Of a content without files: its number. */
  readonly rowVersion: number;
  readonly digest: string;
  readonly size: number;
  readonly referenceCount: number;
}

interface Seen {
  readonly referenceCount: number;
  readonly referencesMet: number;
}

/** Left to itself SQLite walks all rows of the plan in their order instead of the few of a content. */
const byDigest = 'plan_rows INDEXED BY idx_plan_rows_digest';

/** Adds a file to a plan. @param goesForGood its row goes when the plan is applied, not only its being active. */
export function selectFile(
  db: Database,
  plan: Plan,
  file: { fileId: string; sessionId: string; rowVersion: number; digest: string; size: number },
  goesForGood: boolean,
): void {
  const sql = `SELECT reference_count AS referenceCount, references_met AS referencesMet FROM ${byDigest}
    WHERE plan_id = ? AND digest = ? ORDER BY ordinal DESC LIMIT 1`;
  const seen = one<Seen>(db, sql, plan.planId, file.digest) ?? {
    referenceCount: countReferences(db, file.digest),
    referencesMet: 0,
  };
  const { referenceCount } = seen;
  const referencesMet = seen.referencesMet + (goesForGood ? 1 : 0);
  insertRow(db, plan, { ...file, referenceCount }, referencesMet);
  if (goesForGood && referencesMet === referenceCount) addBlob(db, plan, file.digest);
}

/** Adds a content that no file names. */
export function selectBlob(
  db: Database,
  plan: Plan,
  blob: { blobId: number; digest: string; size: number },
): void {
  const { blobId, digest, size } = blob;
  const row = { fileId: null, sessionId: null, rowVersion: blobId, digest, size, referenceCount: 0 };
  insertRow(db, plan, row, 0);
  plan.blobs += 1;
  plan.blobBytes += size;
}

export const countReferences = (db: Database, digest: string): number =>
  one<{ files: number }>(db, 'SELECT count(*) AS files FROM conversation_files WHERE file_hash = ?', digest)
    ?.files ?? 0;

/** Rows after one, in order. */
export function rowsAfter(db: Database, planId: string, ordinal: number, limit: number): SelectedRow[] {
  return all<SelectedRow>(
    db,
    `SELECT ordinal, file_id AS fileId, session_id AS sessionId, row_version AS rowVersion, digest, size,
            reference_count AS referenceCount
     FROM plan_rows WHERE plan_id = ? AND ordinal > ? ORDER BY ordinal LIMIT ?`,
    planId,
    ordinal,
    limit,
  );
}

/** Whether it is the first of its content in the plan: references are counted once for all of them. */
export function isFirstOfContent(db: Database, planId: string, { digest, ordinal }: SelectedRow): boolean {
  const sql = `SELECT ordinal FROM ${byDigest} WHERE plan_id = ? AND digest = ? ORDER BY ordinal LIMIT 1`;
  return one<{ ordinal: number }>(db, sql, planId, digest)?.ordinal === ordinal;
}

function insertRow(db: Database, plan: Plan, row: Omit<SelectedRow, 'ordinal'>, referencesMet: number): void {
  const { fileId, sessionId, rowVersion, digest, size, referenceCount } = row;
  run(
    db,
    `INSERT INTO plan_rows (plan_id, ordinal, file_id, session_id, row_version, digest, size, reference_count,
       references_met)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    plan.planId,
    plan.rows,
    fileId,
    sessionId,
    rowVersion,
    digest,
    size,
    referenceCount,
    referencesMet,
  );
  plan.rows += 1;
  const told = JSON.stringify([fileId, rowVersion, digest, referenceCount]);
  plan.digest = sha256(`${plan.digest ?? beginDigest(plan)}${told}`);
}

/** The digest of a plan that selected nothing. */
export const beginDigest = ({ request }: Plan): string => sha256(JSON.stringify(request));

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A row adopted without its bytes frees none. */
function addBlob(db: Database, plan: Plan, digest: string): void {
  const blob = one<{ size: number }>(db, 'SELECT size FROM blobs WHERE digest = ?', digest);
  if (!blob) return;
  plan.blobs += 1;
  plan.blobBytes += blob.size;
}
