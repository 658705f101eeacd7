// Forgetting audit entries by policy. Only the beginning of the chain goes, oldest first, and a checkpoint says where
// the rest goes on from. What does not hold is never pruned: it is evidence.

import type { Database } from 'better-sqlite3';
import { type ChainedEntry, chainBeginning, chainHash } from '../audit-chain.ts';
import { all, one, run } from '../statements.ts';
import { auditSlice, type SliceMoment } from './moment.ts';

type Row = ChainedEntry & { readonly hash: Buffer | null };

const rowsSql = `SELECT audit_id AS auditId, at_ms AS atMs, action, operation_id AS operationId, session_id AS sessionId,
    file_id AS fileId, vm, actor, commit_sequence AS commitSequence, details, entry_hash AS hash
  FROM audit_entries WHERE audit_id > ? ORDER BY audit_id LIMIT ?`;

/** Readers report looks with a clock of their own: such entries are as old as their neighbours. */
const reported: ReadonlySet<string> = new Set(['file-view', 'file-download']);

/** @param beforeMs entries from before this moment go. The last entry always stays: the chain goes on from it. */
export function pruneAudit(moment: SliceMoment, beforeMs: number): boolean {
  const { db, budget } = moment;
  const last =
    one<{ auditId: number }>(db, 'SELECT max(audit_id) AS auditId FROM audit_entries')?.auditId ?? 0;
  let { through, hash } = prunedSoFar(db);
  const start = through;
  let pruned = 0;
  let candidates = 0;
  for (const row of all<Row>(db, rowsSql, through, budget.left)) {
    if (row.auditId === last || (!reported.has(row.action) && row.atMs >= beforeMs) || !budget.take()) break;
    candidates += 1;
    const expected = chainHash(hash, row);
    if (row.hash !== null && !row.hash.equals(expected)) break;
    through = row.auditId;
    hash = expected;
    pruned += 1;
  }
  if (pruned === 0) return false;
  run(db, 'UPDATE audit_state SET pruned_through = ?, pruned_hash = ? WHERE id = 1', through, hash);
  const details = { through, entries: pruned, hash: hash.toString('hex') };
  auditSlice(moment, { action: 'audit-checkpoint', actor: 'maintenance', details });
  run(db, 'DELETE FROM audit_entries WHERE audit_id > ? AND audit_id <= ?', start, through);
  moment.events.push({ event: 'audit.pruned', through, entries: pruned });
  return candidates === pruned && !budget.isOpen;
}

function prunedSoFar(db: Database): { through: number; hash: Buffer } {
  const sql = 'SELECT pruned_through AS through, pruned_hash AS hash FROM audit_state WHERE id = 1';
  const state = one<{ through: number; hash: Buffer | null }>(db, sql);
  return { through: state?.through ?? 0, hash: state?.hash ?? chainBeginning };
}
