// One operation by its id: settled by the ledger, with the payload of its dead letter when it was refused; or in quarantine.

import type { Receipt } from '@filefleet/protocol';
import type { Database } from 'better-sqlite3';
import { one } from '../statements.ts';
import { type DeadLetter, findReceipt, type QuarantinedJob } from './operations.ts';

export interface OperationFacts {
  readonly operationId: string;
  readonly name: string;
  /** Null for a quarantined job, whose words are not believed. */
  readonly vm: string | null;
  readonly sessionId: string | null;
  readonly state: 'applied' | 'refused' | 'quarantined';
  /** As it was committed; null when there is none (any more). */
  readonly receipt: Receipt | null;
  readonly deadLetter: DeadLetter | null;
  readonly quarantined: QuarantinedJob | null;
}

/** @returns undefined for an operation that was never settled, or that was forgotten with its ledger row. */
export function findOperation(db: Database, operationId: string): OperationFacts | undefined {
  const settled = one<{ name: string; vm: string; sessionId: string | null; state: 'applied' | 'refused' }>(
    db,
    `SELECT name, vm, session_id AS sessionId, outcome AS state FROM ledger WHERE operation_id = ?`,
    operationId,
  );
  const deadLetter = findDeadLetter(db, operationId) ?? null;
  const quarantined = findQuarantined(db, operationId) ?? null;
  const found = settled ?? (deadLetter && { ...factsOf(deadLetter), state: 'refused' as const });
  const receipt = findReceipt(db, operationId) ?? null;
  if (found) return { operationId, ...found, receipt, deadLetter, quarantined };
  if (!quarantined) return undefined;
  const { name } = quarantined;
  return {
    operationId,
    name,
    vm: null,
    sessionId: null,
    state: 'quarantined',
    receipt,
    deadLetter,
    quarantined,
  };
}

const factsOf = ({ name, vm, sessionId }: DeadLetter) => ({ name, vm, sessionId });

function findDeadLetter(db: Database, operationId: string): DeadLetter | undefined {
  return one<DeadLetter>(
    db,
    `SELECT operation_id AS operationId, name, vm, session_id AS sessionId, code, message, payload,
            refused_at_ms AS refusedAtMs
     FROM dead_letters WHERE operation_id = ?`,
    operationId,
  );
}

/** A job id carries the operation's behind the VM's name; the table is bounded, so it may be walked. */
function findQuarantined(db: Database, operationId: string): QuarantinedJob | undefined {
  return one<QuarantinedJob>(
    db,
    `SELECT quarantine_id AS quarantineId, job_id AS jobId, name, code, reason, payload,
            quarantined_at_ms AS quarantinedAtMs
     FROM quarantine WHERE instr(job_id, '-' || ?) > 0 ORDER BY quarantine_id DESC LIMIT 1`,
    operationId,
  );
}
