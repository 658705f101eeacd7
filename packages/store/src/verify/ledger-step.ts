// The ledger against what it says: every receipt can be read, none is from the future, and every stored file that was not
// purged is there as its receipt says.

import { type AppliedReceipt, type Receipt, receiptSchema } from '@filefleet/protocol';
import type { Database } from 'better-sqlite3';
import { inPages, type Step, type Tally } from './step.ts';

interface LedgerRow {
  readonly operationId: string;
  readonly name: string;
  readonly outcome: string;
  readonly receipt: string;
  readonly commitSequence: number;
}

const sql = `SELECT operation_id AS operationId, name, outcome, receipt, commit_sequence AS commitSequence
  FROM ledger WHERE operation_id > ? ORDER BY operation_id LIMIT ?`;

/** In one statement: a group may commit between two. */
const commitsSql = `SELECT (SELECT commit_sequence FROM commit_state WHERE id = 1) AS last,
  (SELECT coalesce(max(commit_sequence), 0) FROM ledger) AS newest`;

export const ledgerStep: Step = {
  name: 'ledger',
  run({ db }, tally) {
    for (const row of inPages<LedgerRow, 'operationId'>(db, sql, 'operationId', '')) {
      tally.checked += 1;
      checkReceipt(db, row, tally);
    }
    const commits = db.prepare<[], { newest: number; last: number }>(commitsSql).get();
    const { newest, last } = commits ?? { newest: 0, last: 0 };
    if (newest > last) tally.fault(`commit ${newest} is in the ledger, the last commit was ${last}`);
  },
};

function checkReceipt(db: Database, row: LedgerRow, tally: Tally): void {
  const parsed = receiptSchema.safeParse(parseJson(row.receipt));
  if (!parsed.success) tally.fault(`${row.operationId}: the receipt cannot be read`);
  else if (!isOf(parsed.data, row)) tally.fault(`${row.operationId}: the receipt belongs to another row`);
  else if (parsed.data.outcome === 'applied' && isStore(row, parsed.data)) checkFile(db, parsed.data, tally);
}

/** Only a store says whether its bytes were there already; a retry of one is one. */
const isStore = ({ name }: LedgerRow, receipt: AppliedReceipt): boolean =>
  name === 'file-store' || (name.endsWith('-retry') && receipt.deduplicated !== undefined);

function isOf(receipt: Receipt, row: LedgerRow): boolean {
  return (
    receipt.operationId === row.operationId &&
    receipt.outcome === row.outcome &&
    receipt.commitSequence === row.commitSequence
  );
}

function checkFile(
  db: Database,
  { operationId, committedAt, digest, size }: AppliedReceipt,
  tally: Tally,
): void {
  const sql = 'SELECT file_hash AS digest, file_size AS size FROM conversation_files WHERE file_id = ?';
  const file = db.prepare<[string], { digest: string; size: number }>(sql).get(operationId);
  if (file === undefined) {
    if (wasPurged(db, operationId)) tally.note('receipts of files that were purged since');
    else if (isForgotten(db, committedAt)) tally.note('receipts of files that are older than the audit');
    else tally.fault(`${operationId}: a receipt, but no file and no purge`);
  } else if (file.digest !== digest || file.size !== size) {
    tally.fault(`${operationId}: the file is not the one of its receipt`);
  }
}

/** The audit outlives the file. */
function wasPurged(db: Database, fileId: string): boolean {
  const sql = `SELECT 1 FROM audit_entries WHERE file_id = ? AND (action = 'file-purge'
    OR (action = 'session-cleanup' AND json_extract(details, '$.mode') = 'hard')) LIMIT 1`;
  return db.prepare(sql).get(fileId) !== undefined;
}

/** An operator may keep the audit for less time than the ledger: then nobody knows any more whether the file was purged. */
function isForgotten(db: Database, committedAt: string): boolean {
  const sql = `SELECT at_ms FROM audit_entries, audit_state
    WHERE pruned_through > 0 AND audit_id > pruned_through ORDER BY audit_id LIMIT 1`;
  const oldestMs = (db.prepare(sql).pluck().get() ?? null) as number | null;
  return oldestMs !== null && Date.parse(committedAt) < oldestMs;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
