// One entry of a group, from its turn to its answer. Runs inside the entry's savepoint; group.ts owns the transaction.
//
// The order of questions is the promise: whose turn is it (sequence), was it settled before (ledger), may it still
// be executed (given up, expired), and only then: execute.

import {
  type AppliedReceipt,
  ledgerRetentionMs,
  type Operation,
  operationIdTimeMs,
  type Receipt,
  type RefusedCode,
  type RefusedReceipt,
  type Resend,
} from '@filefleet/protocol';
import type { Database } from 'better-sqlite3';
import type { Content } from './content.ts';
import type { GroupMemory } from './group-memory.ts';
import {
  findLedgerRow,
  forgetLedgerRow,
  insertLedgerRow,
  type LedgerFacts,
  type LedgerRow,
} from './ledger.ts';
import { execute, isActivity } from './operations/index.ts';
import { executeRetry, isAboutRefused, isRetry, retriedOperation } from './operations/refused.ts';
import { type AppliedFacts, Refusal, type Turn } from './operations/turn.ts';
import { insertDeadLetter, insertQuarantined, type MalformedJob } from './refusals.ts';
import { decideTurn, type Numbers, numbersOf } from './sequences.ts';
import type { Tenure } from './tenure.ts';

/** A checked operation with its content, or a job that could not be read. */
export type Entry =
  | {
      readonly kind: 'operation';
      readonly operation: Operation;
      readonly intent: string;
      readonly content?: Content;
    }
  | { readonly kind: 'malformed'; readonly job: MalformedJob; readonly identity?: MalformedIdentity };

/** What could still be read of a malformed job: enough to settle its number. */
export interface MalformedIdentity {
  readonly operationId: string;
  readonly name: string;
  readonly vm: string;
  readonly sessionId: string | null;
  readonly code: RefusedCode;
  readonly message: string;
  readonly numbers?: Numbers;
}

export type Result =
  /** `repeated`: the receipt of an earlier commit; this time nothing had an effect. */
  | { readonly kind: 'settled'; readonly receipt: Receipt; readonly repeated: boolean }
  | { readonly kind: 'resend'; readonly answer: Resend }
  /** Bytes that the content stage saw are gone: fetch them and hand the entry in again. */
  | { readonly kind: 'content-gone' }
  /** No operation could be recognised; there is nobody to answer. */
  | { readonly kind: 'quarantined' };

/** The moment of a group: the same for all of its entries. */
export interface Moment {
  readonly db: Database;
  readonly tenure: Tenure;
  readonly memory: GroupMemory;
  readonly nowMs: number;
  /** The same as text, as receipts say it. */
  readonly committedAt: string;
  readonly commitSequence: number;
}

/** Settles an operation without executing it, or executes it. @throws Refusal, Unsettled, ContentGone, SqliteError */
export function settleOperation(moment: Moment, entry: Extract<Entry, { kind: 'operation' }>): Result {
  const { operation, intent } = entry;
  const numbers = sequenceOf(operation);
  const asked = askTurn(moment, operation.payload.operationId, numbers);
  if (asked.kind === 'resend') return asked;
  const known = remembered(moment, operation.payload.operationId);
  if (known) {
    if (numbers) moment.memory.settle(numbers);
    // Without an intent the first one was unreadable: whatever comes under its id gets its receipt.
    const same = known.intent === '' || known.intent === intent;
    return { kind: 'settled', receipt: same ? known.receipt : conflict(known.receipt), repeated: true };
  }
  if (asked.past || (!numbers && isExpired(operation.payload.operationId, moment.nowMs))) {
    throw pastRefusal(operation.payload.operationId, moment.nowMs);
  }
  if (operation.name === 'file-store') moment.tenure.probe?.(`commit.entry:${operation.payload.filename}`);
  const wanted = isRetry(operation) ? retriedOperation(moment.db, operation) : operation;
  const facts = executeIn(moment, wanted, operation, entry.content);
  const receipt = applied(moment, operation.payload.operationId, facts);
  const sessionId = sessionOf(wanted);
  writeDown(moment, { ...ledgerFacts(operation, intent), sessionId }, receipt, numbers);
  noteActivity(moment, wanted);
  return { kind: 'settled', receipt, repeated: false };
}

/** @param asked the operation itself, or the retry that has it executed. */
function executeIn(
  { db, nowMs, commitSequence, tenure, memory }: Moment,
  operation: Operation,
  asked: Operation,
  content: Content | undefined,
): AppliedFacts {
  const { schemaVersion } = tenure;
  const turn: Turn = { db, nowMs, commitSequence, schemaVersion, operation, content };
  // Else the end of a session that was used again in this group would keep the moment of its earlier end.
  if (operation.name === 'session-end') memory.reopen(operation.payload.sessionId, nowMs);
  return isRetry(asked) ? executeRetry(turn, asked, () => execute(turn)) : execute(turn);
}

/** Settles an operation as refused; its own effects were rolled back before. */
export function refuseOperation(
  moment: Moment,
  entry: Extract<Entry, { kind: 'operation' }>,
  refusal: { code: RefusedCode; message?: string },
): Result {
  const { operation, intent } = entry;
  const receipt = refused(moment, operation.payload.operationId, refusal);
  writeDown(moment, ledgerFacts(operation, intent), receipt, sequenceOf(operation));
  if (isAboutRefused(operation.name)) return { kind: 'settled', receipt, repeated: false };
  insertDeadLetter(moment.db, operation, { code: refusal.code, message: receipt.message }, moment.nowMs);
  return { kind: 'settled', receipt, repeated: false };
}

/** Keeps a job that could not be read, and settles its number where that could be read. */
export function settleMalformed(moment: Moment, entry: Extract<Entry, { kind: 'malformed' }>): Result {
  const { job, identity } = entry;
  if (!identity) {
    insertQuarantined(moment.db, job, moment.nowMs);
    return { kind: 'quarantined' };
  }
  const asked = askTurn(moment, identity.operationId, identity.numbers);
  if (asked.kind === 'resend') return asked;
  const known = remembered(moment, identity.operationId);
  if (known) {
    if (identity.numbers) moment.memory.settle(identity.numbers);
    return {
      kind: 'settled',
      receipt: known.intent === '' ? known.receipt : conflict(known.receipt),
      repeated: true,
    };
  }
  insertQuarantined(moment.db, job, moment.nowMs);
  const receipt = refused(moment, identity.operationId, identity);
  const facts = { name: identity.name, vm: identity.vm, sessionId: identity.sessionId, intent: '' };
  writeDown(moment, facts, receipt, identity.numbers);
  return { kind: 'settled', receipt, repeated: false };
}

function askTurn(
  moment: Moment,
  operationId: string,
  numbers: Numbers | undefined,
): { kind: 'go'; past: boolean } | { kind: 'resend'; answer: Resend } {
  if (!numbers) return { kind: 'go', past: false };
  const turn = decideTurn(numbers, moment.memory.lastSequence(numbers));
  if (turn.kind !== 'early') return { kind: 'go', past: turn.kind === 'past' };
  const answer = { operationId, outcome: 'resend', code: 'OUT_OF_ORDER', expected: turn.expected } as const;
  return { kind: 'resend', answer };
}

/** Any applied operation reopens its session; only the one that ends it does not. */
function noteActivity({ memory }: Moment, { name, payload }: Operation): void {
  if (!('sessionId' in payload)) return;
  if (name === 'session-end') memory.noteEnd(payload.sessionId);
  else if (isActivity(name)) memory.noteActivity(payload.sessionId);
}

function remembered(moment: Moment, operationId: string): LedgerRow | undefined {
  return moment.tenure.without?.has('ledger') ? undefined : findLedgerRow(moment.db, operationId);
}

function writeDown(moment: Moment, facts: LedgerFacts, receipt: Receipt, numbers: Numbers | undefined): void {
  if (moment.tenure.without?.has('ledger')) forgetLedgerRow(moment.db, receipt.operationId);
  insertLedgerRow(moment.db, facts, receipt, moment.nowMs);
  if (numbers) moment.memory.settle(numbers);
}

function ledgerFacts(operation: Operation, intent: string): LedgerFacts {
  const { name, payload } = operation;
  return { name, vm: payload.vm, sessionId: sessionOf(operation), intent };
}

const sessionOf = ({ payload }: Operation): string | null =>
  'sessionId' in payload ? payload.sessionId : null;

const sequenceOf = ({ payload }: Operation): Numbers | undefined =>
  'sessionId' in payload ? numbersOf(payload) : undefined;

const isExpired = (operationId: string, nowMs: number): boolean =>
  operationIdTimeMs(operationId) < nowMs - ledgerRetentionMs;

/** Its number is behind, and the ledger knows nothing: given up by the producer, or forgotten by the ledger. */
function pastRefusal(operationId: string, nowMs: number): Refusal {
  return isExpired(operationId, nowMs)
    ? new Refusal(
        'RECEIPT_EXPIRED',
        'expected the receipt to be younger than 30 days; the operation is not executed again',
      )
    : new Refusal(
        'GIVEN_UP',
        'expected the sequence to be above the last settled one; use a new operation id',
      );
}

const stamp = (moment: Moment, operationId: string) => ({
  operationId,
  commitSequence: moment.commitSequence,
  committedAt: moment.committedAt,
});

function applied(moment: Moment, operationId: string, facts: AppliedFacts): AppliedReceipt {
  return { ...stamp(moment, operationId), outcome: 'applied', ...facts };
}

function refused(
  moment: Moment,
  operationId: string,
  refusal: { code: RefusedCode; message?: string },
): RefusedReceipt {
  const message = refusal.message?.slice(0, 160);
  return {
    ...stamp(moment, operationId),
    outcome: 'refused',
    code: refusal.code,
    ...(message ? { message } : {}),
  };
}

/** Not written down: it follows from the first receipt and the other intent, however often it is asked for. */
function conflict(first: Receipt): RefusedReceipt {
  return {
    operationId: first.operationId,
    commitSequence: first.commitSequence,
    committedAt: first.committedAt,
    outcome: 'refused',
    code: 'CONFLICT',
    message: 'expected the same intent as the first time under this operation id; use a new operation id',
  };
}
