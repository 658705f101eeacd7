// The ledger: one row per settled operation, written in the transaction of its effect. It is the memory of
// "once": an operation that comes again gets the receipt that stands here.

import type { Receipt } from '@filefleet/protocol';
import type { Database } from 'better-sqlite3';
import { one, run } from './statements.ts';

export interface LedgerRow {
  readonly intent: string;
  readonly receipt: Receipt;
}

/** What identifies a settled operation besides its receipt. `intent` is empty when it could not be parsed. */
export interface LedgerFacts {
  readonly name: string;
  readonly vm: string;
  readonly sessionId: string | null;
  readonly intent: string;
}

export function findLedgerRow(db: Database, operationId: string): LedgerRow | undefined {
  const row = one<{ intent: string; receipt: string }>(
    db,
    'SELECT intent, receipt FROM ledger WHERE operation_id = ?',
    operationId,
  );
  return row && { intent: row.intent, receipt: JSON.parse(row.receipt) as Receipt };
}

/** Writes the receipt down. The primary key makes a second row for one operation impossible. */
export function insertLedgerRow(
  db: Database,
  facts: LedgerFacts,
  receipt: Receipt,
  committedAtMs: number,
): void {
  run(
    db,
    `INSERT INTO ledger (operation_id, name, vm, session_id, intent, outcome, code, receipt, commit_sequence, committed_at_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    receipt.operationId,
    facts.name,
    facts.vm,
    facts.sessionId,
    facts.intent,
    receipt.outcome,
    receipt.outcome === 'refused' ? receipt.code : null,
    JSON.stringify(receipt),
    receipt.commitSequence,
    committedAtMs,
  );
}

/**
 * Forgets receipts committed before a moment, oldest first.
 * @param limit rows at most, so that one turn stays short.
 * @returns how many went.
 */
export function pruneLedger(db: Database, beforeMs: number, limit: number): number {
  return run(
    db,
    `DELETE FROM ledger WHERE operation_id IN
       (SELECT operation_id FROM ledger WHERE committed_at_ms < ? ORDER BY committed_at_ms LIMIT ?)`,
    beforeMs,
    limit,
  );
}

/** Takes a row away: only for the rig that shows what happens without a memory. */
export function forgetLedgerRow(db: Database, operationId: string): void {
  run(db, 'DELETE FROM ledger WHERE operation_id = ?', operationId);
}
