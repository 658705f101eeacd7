// What operators do with refused operations and jobs in quarantine: execute one anew, or put some away. Whatever comes of it,
// each entry is looked at in the writer's turn, so that two operators cannot retry the same one.

import {
  type Operation,
  type OperationName,
  ProtocolError,
  parseJobId,
  parseOperation,
  protocolVersion,
} from '@filefleet/protocol';
import type { Database } from 'better-sqlite3';
import { insertAuditEntry } from '../audit.ts';
import { one, run } from '../statements.ts';
import { ContentGone, type Handler, Refusal, type Turn, Unsettled } from './turn.ts';

/** Operations about refused ones: a refusal of theirs leaves the entry where it is, and makes none of its own. */
const about: ReadonlySet<string> = new Set<OperationName>([
  'dead-letter-retry',
  'dead-letter-dismiss',
  'quarantine-retry',
  'quarantine-dismiss',
]);
export const isAboutRefused = (name: string): boolean => about.has(name);

type Retry = Operation<'dead-letter-retry' | 'quarantine-retry'>;
export const isRetry = (operation: Operation): operation is Retry =>
  operation.name === 'dead-letter-retry' || operation.name === 'quarantine-retry';

/**
 * The operation that a retry executes: what was refused, under the id of the retry, without a place in its producer's order.
 * Bytes of a store are those that were kept.
 * @throws Refusal NOT_LISTED, and what the protocol says of a payload that it does not take.
 */
export function retriedOperation(db: Database, retry: Retry): Operation {
  const { operationId } = retry.payload;
  if (retry.name === 'dead-letter-retry') {
    const { deadLetterId } = retry.payload;
    const letter = findDeadLetter(db, deadLetterId);
    return renew(letter.name, letter.payload, { operationId, retryOf: deadLetterId });
  }
  const job = findQuarantined(db, retry.payload.quarantineId);
  const { vm, operationId: retryOf } = parseJobId(job.jobId) ?? {};
  // The id of a job is what Redis pins to a VM; what its payload says of itself is not believed.
  return renew(job.name, job.payload, { operationId, ...(vm && { vm, retryOf }) });
}

function renew(name: string, payloadText: string, given: Readonly<Record<string, unknown>>): Operation {
  if (isAboutRefused(name)) {
    throw new Refusal(
      'OPERATION_UNKNOWN',
      `expected an operation of a producer, got ${name}; retry that one`,
    );
  }
  const { producer: _p, sequence: _s, previous: _l, ...payload } = parseObject(payloadText);
  const content = name === 'file-store' ? { v: protocolVersion, content: { from: 'known' } } : {};
  try {
    return parseOperation(name, { ...payload, ...content, ...given });
  } catch (error) {
    if (error instanceof ProtocolError) throw new Refusal(error.code, error.message);
    throw error;
  }
}

function parseObject(text: string): Record<string, unknown> {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    data = undefined;
  }
  if (typeof data === 'object' && data !== null && !Array.isArray(data))
    return data as Record<string, unknown>;
  throw new Refusal('PAYLOAD_INVALID', 'expected the job to hold a payload as JSON, got something else');
}

/**
 * Executes what `retriedOperation` gave, then takes the entry off its list and writes down who had it retried.
 * @param turn of the retried operation.
 * @throws Refusal BYTES_GONE, and those of the operation; ContentGone.
 */
export function executeRetry<T>(turn: Turn, retry: Retry, work: () => T): T {
  const facts = runWithKeptBytes(turn, work);
  const { db } = turn;
  if (retry.name === 'dead-letter-retry') {
    run(db, 'DELETE FROM dead_letters WHERE operation_id = ?', retry.payload.deadLetterId);
  } else run(db, 'DELETE FROM quarantine WHERE quarantine_id = ?', retry.payload.quarantineId);
  const { name, payload } = turn.operation;
  const entry = {
    action: retry.name,
    operationId: retry.payload.operationId,
    sessionId: 'sessionId' in payload ? payload.sessionId : null,
    fileId: null,
    vm: retry.payload.vm,
    actor: retry.payload.actor ?? null,
    details: { name, retryOf: payload.retryOf ?? null },
  };
  insertAuditEntry(db, entry, turn.nowMs, turn.commitSequence);
  return facts;
}

function runWithKeptBytes<T>({ content }: Turn, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Unsettled)) throw error;
    if (content?.kind === 'held') throw new ContentGone(); // the store held them when the content stage looked
    throw new Refusal('BYTES_GONE', 'expected the bytes of the refused operation to be kept, got none');
  }
}

/** What is not there any more is put away already: asking twice does no harm. */
export const dismissDeadLetters: Handler<'dead-letter-dismiss'> = ({ deadLetterIds, reason }, turn) => {
  for (const deadLetterId of deadLetterIds) {
    const sql =
      'DELETE FROM dead_letters WHERE operation_id = ? RETURNING name, code, session_id AS sessionId';
    const letter = one<{ name: string; code: string; sessionId: string | null }>(turn.db, sql, deadLetterId);
    if (letter) auditDismissal(turn, { deadLetterId, ...letter }, reason);
  }
  return {};
};

export const dismissQuarantined: Handler<'quarantine-dismiss'> = ({ quarantineIds, reason }, turn) => {
  for (const quarantineId of quarantineIds) {
    const sql = 'DELETE FROM quarantine WHERE quarantine_id = ? RETURNING job_id AS jobId, name, code';
    const job = one<{ jobId: string; name: string; code: string }>(turn.db, sql, quarantineId);
    if (job) auditDismissal(turn, { quarantineId, ...job, sessionId: null }, reason);
  }
  return {};
};

function auditDismissal(
  turn: Turn,
  { sessionId, ...details }: { sessionId: string | null } & Record<string, unknown>,
  reason: string | undefined,
): void {
  const { name, payload } = turn.operation;
  const { operationId, vm, actor = null } = payload;
  const facts = { action: name, operationId, sessionId, fileId: null, vm, actor };
  const entry = { ...facts, details: { ...details, ...(reason ? { reason } : {}) } };
  insertAuditEntry(turn.db, entry, turn.nowMs, turn.commitSequence);
}

/** A retry is executed as what it retries; see `retriedOperation`. */
export const neverExecuted: Handler<'dead-letter-retry'> & Handler<'quarantine-retry'> = () => {
  throw new TypeError('expected a retry to be executed as the operation that it retries');
};

function findDeadLetter(db: Database, operationId: string): { name: string; payload: string } {
  const sql = 'SELECT name, payload FROM dead_letters WHERE operation_id = ?';
  const letter = one<{ name: string; payload: string }>(db, sql, operationId);
  if (letter) return letter;
  throw new Refusal('NOT_LISTED', `expected a dead letter with the id ${operationId}, got none`);
}

function findQuarantined(db: Database, quarantineId: number) {
  const sql = 'SELECT job_id AS jobId, name, payload FROM quarantine WHERE quarantine_id = ?';
  const job = one<{ jobId: string; name: string; payload: string }>(db, sql, quarantineId);
  if (job) return job;
  throw new Refusal('NOT_LISTED', `expected a job in quarantine with the number ${quarantineId}, got none`);
}
