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
import type { Entry, MalformedIdentity } from '@filefleet/store';

/** What intake knows of a job. */
export interface RawJob {
  readonly id: string;
  readonly name: string;
  readonly data: unknown;
  /** The stored text, when it was not JSON. */
  readonly brokenText?: string | undefined;
}

/** Whose reply stream gets the answer. */
export interface ReplyAddress {
  readonly vm: string;
  readonly producer: string;
}

export type ReadJob = { readonly replyTo: ReplyAddress | undefined } & (
  | { readonly kind: 'operation'; readonly operation: Operation; readonly intent: string }
  | { readonly kind: 'malformed'; readonly entry: Extract<Entry, { kind: 'malformed' }> }
);

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
    if (!(error instanceof ProtocolError)) throw error;
    const identity = named && readIdentity(job, named, error);
    return malformed(job, error.code, error.message, identity);
  }
}

function malformed(job: RawJob, code: string, reason: string, read?: ReadIdentity): ReadJob {
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
