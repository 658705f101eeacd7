// What a handler gets and what it may answer. A handler is one verb on the open connection, inside the
// operation's savepoint: it never begins, commits or catches.

import type { Operation, OperationName, Payload, RefusedCode, ResendCode } from '@filefleet/protocol';
import type { Database } from 'better-sqlite3';
import { insertAuditEntry } from '../audit.ts';
import type { Content } from '../content.ts';

/** Facts that an applied operation adds to its receipt. */
export interface AppliedFacts {
  readonly fileId?: string;
  readonly digest?: string;
  readonly size?: number;
  readonly deduplicated?: boolean;
  readonly schemaVersion?: string;
  readonly files?: number;
}

export interface Turn {
  readonly db: Database;
  readonly nowMs: number;
  readonly commitSequence: number;
  readonly schemaVersion: string;
  readonly operation: Operation;
  /** Only `file-store` has content, and only when its payload stages some or the store held it. */
  readonly content: Content | undefined;
}

export type Handler<N extends OperationName> = (payload: Payload<N>, turn: Turn) => AppliedFacts;

/** Thrown by a handler: the operation's own fault. Its savepoint is rolled back, the refusal is settled. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: RefusedCode;
  constructor(code: RefusedCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Thrown by a handler: cannot be settled now. No effect, no ledger row. */
export class Unsettled extends Error {
  override readonly name = 'Unsettled';
  readonly code: ResendCode;
  constructor(code: ResendCode) {
    super(code);
    this.code = code;
  }
}

/** Thrown by a handler: bytes that were seen to be held are gone; the content stage must fetch them. */
export class ContentGone extends Error {
  override readonly name = 'ContentGone';
}

/** Writes the audit entry of this turn's operation. */
export function audit(turn: Turn, fileId: string | null, details?: Record<string, unknown>): void {
  const { name, payload } = turn.operation;
  const facts = {
    action: name,
    operationId: payload.operationId,
    sessionId: 'sessionId' in payload ? payload.sessionId : null,
    fileId,
    vm: payload.vm,
    actor: payload.actor ?? null,
  };
  insertAuditEntry(turn.db, details ? { ...facts, details } : facts, turn.nowMs, turn.commitSequence);
}
