// From a BullMQ job to an entry for the commit: a checked operation, or a malformed job with as much of its identity as
// can still be read, so that its number is settled and its producer gets an answer.

import {
  intentDigest,
  limits,
  type Operation,
  ProtocolError,
  parseJobId,
  parseOperation,
} from '@filefleet/protocol';
import { type Entry, type MalformedIdentity, numbersOf } from '@filefleet/store';

/** What intake knows of a job. */
export interface RawJob {
  readonly id: string;
  readonly name: string;
  readonly data: unknown;
  /** When its producer added it, in milliseconds since 1970 by the producer's clock. */
  readonly addedAtMs: number;
  /** How often a worker began it, this time included. */
  readonly starts: number;
  /** The stored text, when it was not JSON. */
  readonly brokenText?: string | undefined;
}

/** Whose reply stream gets the answer. */
export interface ReplyAddress {
  readonly vm: string;
  readonly producer: string;
}

export interface ReadOperation {
  readonly kind: 'operation';
  readonly operation: Operation;
  readonly intent: string;
  readonly replyTo: ReplyAddress | undefined;
}

export interface ReadMalformed {
  readonly kind: 'malformed';
  readonly entry: Extract<Entry, { kind: 'malformed' }>;
  readonly replyTo: ReplyAddress | undefined;
}

export type ReadJob = ReadOperation | ReadMalformed;

const keptPayloadChars = 64 * 1024;

export function readJob(job: RawJob): ReadJob {
  if (job.brokenText !== undefined) {
    return malformed(
      job,
      'PAYLOAD_INVALID',
      'expected the data of the job to be JSON, got text that does not parse',
    );
  }
  const named = parseJobId(job.id);
  try {
    const operation = parseOperation(job.name, job.data);
    const { vm, operationId } = operation.payload;
    if (named?.vm === vm && named.operationId === operationId) {
      const { producer } = operation.payload;
      const replyTo = producer === undefined ? undefined : { vm, producer };
      return { kind: 'operation', operation, intent: intentDigest(operation), replyTo };
    }
    // Only the VM that owns an id may settle it: ACLs pin a VM to job ids of its own.
    const reason = `expected the job id to be <vm>-<operation id> of its payload, got ${job.id.slice(0, 100)}`;
    return malformed(job, 'PAYLOAD_INVALID', reason);
  } catch (error) {
    if (!(error instanceof ProtocolError))
      return malformed(job, 'PAYLOAD_INVALID', `expected the job to be readable, got ${String(error)}`);
    const identity = named && readIdentity(job, named, error);
    return malformed(job, error.code, error.message, identity);
  }
}

/**
 * A job that could be read but must not be run any more, because it crashed the writer each time it ran alone.
 * @param bytesName file with its bytes, when it had some.
 */
export function condemned(
  job: RawJob,
  operation: Operation,
  replyTo: ReplyAddress | undefined,
  bytesName: string | undefined,
): ReadMalformed {
  const { name, payload } = operation;
  const reason = 'expected the writer to survive this operation, got a crash each time it ran alone';
  const facts = {
    operationId: payload.operationId,
    name,
    vm: payload.vm,
    code: 'EXECUTION_FAILED',
    message: reason,
  } as const;
  const sessionId = 'sessionId' in payload ? payload.sessionId : null;
  const numbers = 'sessionId' in payload ? numbersOf(payload) : undefined;
  const identity = { ...facts, sessionId, ...(numbers ? { numbers } : {}) };
  const kept = {
    jobId: job.id,
    name,
    code: 'POISON',
    reason,
    payloadText: safeJson(payload).slice(0, keptPayloadChars),
  };
  const entry = { kind: 'malformed', job: bytesName ? { ...kept, bytesName } : kept, identity } as const;
  return { kind: 'malformed', entry, replyTo };
}

function malformed(job: RawJob, code: string, reason: string, read?: ReadIdentity): ReadMalformed {
  const payloadText = (job.brokenText ?? safeJson(job.data)).slice(0, keptPayloadChars);
  const kept = { jobId: job.id.slice(0, 200), name: job.name.slice(0, 100), code, reason, payloadText };
  const entry = { kind: 'malformed', job: kept, ...(read ? { identity: read.identity } : {}) } as const;
  return { kind: 'malformed', entry, replyTo: read?.replyTo };
}

interface ReadIdentity {
  readonly identity: MalformedIdentity;
  readonly replyTo: ReplyAddress | undefined;
}

/** Numbers count only when the payload agrees with the job id about whose they are. */
function readIdentity(
  job: RawJob,
  named: { vm: string; operationId: string },
  error: ProtocolError,
): ReadIdentity | undefined {
  const data = isRecord(job.data) ? job.data : {};
  const { operationId, vm } = named;
  if (data.operationId !== operationId || data.vm !== vm) return undefined;
  const sessionId = boundedString(data.sessionId, limits.sessionIdBytes);
  const producer = boundedString(data.producer, 36);
  const facts = { operationId, vm, name: job.name.slice(0, 100), sessionId: sessionId ?? null };
  const identity = { ...facts, code: error.code, message: error.message };
  if (producer === undefined || !uuidPattern.test(producer)) return { identity, replyTo: undefined };
  const replyTo = { vm, producer };
  const { sequence, previous } = data;
  if (sessionId === undefined || !isCount(sequence) || !isCount(previous) || previous >= sequence) {
    return { identity, replyTo };
  }
  return { identity: { ...identity, numbers: { producer, sessionId, vm, sequence, previous } }, replyTo };
}

const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const boundedString = (value: unknown, max: number): string | undefined =>
  typeof value === 'string' && value.length > 0 && value.length <= max ? value : undefined;

function safeJson(data: unknown): string {
  try {
    return JSON.stringify(data) ?? '';
  } catch {
    return String(data); // not JSON after all: keep what can be shown
  }
}
