// Order per producer and session, as in Kafka's idempotent producer: an operation is executed when all that its
// producer called before it, and has not given up, are settled.

import type { Database } from 'better-sqlite3';
import { one, run } from './statements.ts';

export interface Numbers {
  readonly producer: string;
  readonly sessionId: string;
  readonly vm: string;
  readonly sequence: number;
  readonly previous: number;
}

/** The numbers of an operation that has some; those without get no order. */
export function numbersOf(payload: {
  readonly sessionId: string;
  readonly vm: string;
  readonly producer?: string | undefined;
  readonly sequence?: number | undefined;
  readonly previous?: number | undefined;
}): Numbers | undefined {
  const { producer, sequence, previous, sessionId, vm } = payload;
  if (producer === undefined || sequence === undefined || previous === undefined) return undefined;
  return { producer, sessionId, vm, sequence, previous };
}

export type Turn =
  | { readonly kind: 'next' }
  /** Settled already, or given up by its producer: answered from the ledger, never executed. */
  | { readonly kind: 'past' }
  | { readonly kind: 'early'; readonly expected: number };

/** Pure: whose turn it is, given the last settled sequence. */
export function decideTurn(numbers: Pick<Numbers, 'sequence' | 'previous'>, last: number): Turn {
  if (numbers.sequence <= last) return { kind: 'past' };
  if (numbers.previous <= last) return { kind: 'next' };
  return { kind: 'early', expected: last + 1 };
}

/** The last settled sequence; 0 when none is. */
export function lastSequence(db: Database, producer: string, sessionId: string): number {
  const sql = 'SELECT last FROM producer_sequences WHERE producer = ? AND session_id = ?';
  return one<{ last: number }>(db, sql, producer, sessionId)?.last ?? 0;
}

/** Raises it to this sequence, in the transaction that settles the operation. Never lowers it. */
export function settleSequence(db: Database, numbers: Numbers, nowMs: number): void {
  run(
    db,
    `INSERT INTO producer_sequences (producer, session_id, vm, last, updated_at_ms) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (producer, session_id) DO UPDATE SET last = excluded.last, updated_at_ms = excluded.updated_at_ms
     WHERE excluded.last > last`,
    numbers.producer,
    numbers.sessionId,
    numbers.vm,
    numbers.sequence,
    nowMs,
  );
}
