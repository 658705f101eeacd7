// One schema per operation. The operation's name is the BullMQ job name; the payload is the job's data.
// Unknown keys are refused everywhere: any new field raises `v`.

import { z } from 'zod';
import * as field from './fields.ts';
import { limits } from './limits.ts';
import { planRequestSchema } from './plans.ts';

/**
 * Version of payloads. An operation carries the lowest version that has all of its fields, because its version is part of
 * its intent: the same operation must not become another one when its producer is upgraded.
 */
export const protocolVersion = 1;
/** Version that has content `incoming`, and nothing else that is new. */
export const incomingVersion = 2;
/** Versions that a writer built from this package accepts: N and N-1. */
export const acceptedVersions: readonly number[] = Object.freeze([protocolVersion, incomingVersion]);

/** Pure: the one version that a payload may carry. @param payload of any operation, checked or not. */
export function versionOf(payload: { readonly content?: unknown }): number {
  const { content } = payload;
  const isIncoming =
    typeof content === 'object' && content !== null && 'from' in content && content.from === 'incoming';
  return isIncoming ? incomingVersion : protocolVersion;
}

const envelope = {
  v: z.literal(protocolVersion),
  operationId: field.operationId,
  vm: field.vm,
  /** Who asks: a user or an agent; kept as uploader and in the audit. */
  actor: field.actor.optional(),
  /** Where answers go: the reply stream `receipts:<vm>:<producer>`. */
  producer: field.uuid.optional(),
  /** Number of this operation among those of its producer and session, from 1. */
  sequence: z.int().min(1).optional(),
  /** The last sequence of this producer and session that the producer has not given up; 0 for none. */
  previous: z.int().min(0).optional(),
  /** The refused operation that this one tries again. */
  retryOf: field.operationId.optional(),
};

/** Fields of the envelope that say how an operation travels, not what it asks for. */
export const travelFields = ['producer', 'sequence', 'previous', 'retryOf', 'content'] as const;

type Sequenced = {
  producer?: string | undefined;
  sequence?: number | undefined;
  previous?: number | undefined;
};

function checkSequence(payload: Sequenced, context: z.RefinementCtx): void {
  const { producer, sequence, previous } = payload;
  if ((sequence === undefined) !== (previous === undefined)) {
    const missing = sequence === undefined ? 'sequence' : 'previous';
    context.addIssue({
      code: 'custom',
      path: [missing],
      message: 'given, because sequence and previous go together',
    });
  }
  if (sequence !== undefined && producer === undefined) {
    context.addIssue({
      code: 'custom',
      path: ['producer'],
      message: 'given, because the payload has a sequence',
    });
  }
  if (sequence !== undefined && previous !== undefined && previous >= sequence) {
    context.addIssue({ code: 'custom', path: ['previous'], message: `less than the sequence ${sequence}` });
  }
}

function sessionOperation<S extends z.ZodRawShape>(shape: S) {
  return z
    .strictObject({ ...envelope, sessionId: field.sessionId, ...shape })
    .superRefine((payload, context) => checkSequence(payload as Sequenced, context))
    .meta({ dependentRequired: { sequence: ['previous', 'producer'], previous: ['sequence'] } });
}

// An operation without a session has no order to keep: it carries a reply address but no sequence.
const { sequence: _sequence, previous: _previous, ...unorderedEnvelope } = envelope;
function fleetOperation<S extends z.ZodRawShape>(shape: S) {
  return z.strictObject({ ...unorderedEnvelope, ...shape });
}

const content = z.discriminatedUnion('from', [
  /** Bytes wait in Redis under `staged:<vm>:<operation id>:<n>`, n from 0 to chunks - 1. */
  z.strictObject({
    from: z.literal('staged'),
    chunks: z
      .int()
      .min(0)
      .max(Math.ceil(limits.stagedFileBytes / limits.chunkBytes)),
    expiresAtMs: field.timeMs.optional(),
  }),
  /** The producer believes that the writer holds these bytes already. */
  z.strictObject({ from: z.literal('known') }),
  /** Bytes lie in VM0's folder `incoming` under this name: only who can write to that disk has such files. Version 2. */
  z.strictObject({ from: z.literal('incoming'), name: field.uuid }),
]);

/** The rule of `versionOf` for the schema alone; parse.ts says it of versions that are too high. */
function checkContentVersion(
  payload: { v: number; content: { from: string } },
  context: z.RefinementCtx,
): void {
  if (payload.v >= versionOf(payload)) return;
  const message = `one of staged, known in version ${payload.v}`;
  context.addIssue({ code: 'custom', path: ['content', 'from'], message });
}

const isIncoming = { properties: { content: { properties: { from: { const: 'incoming' } } } } };
const carries = (version: number) => ({ properties: { v: { const: version } } });

const accessEntry = z.strictObject({
  fileId: field.fileId,
  accessType: z.enum(['view', 'download']),
  atMs: field.timeMs,
  accessedBy: field.actor.optional(),
});

/** What somebody did with the fleet that is no operation: in Bull Board, at the login. */
const actionEntry = z.strictObject({
  /** Such as `job-retry`; the audit calls it `action-job-retry`. */
  action: field.actionName,
  atMs: field.timeMs,
  /** Missing: nobody known, as at a login that failed. */
  actor: field.actor.optional(),
  role: z.enum(['viewer', 'operator', 'admin', 'program']).optional(),
  /** Which job, which queue, from which address. */
  target: field.actionTarget.optional(),
  /** Of HTTP: how it ended. */
  status: z.int().min(100).max(599).optional(),
  /** How often, when it was counted. */
  count: z.int().min(1).max(1_000_000).optional(),
});

export const operationSchemas = {
  'store-initialize': fleetOperation({}),
  'file-store': sessionOperation({
    v: z.literal([protocolVersion, incomingVersion]),
    filename: field.filename,
    digest: field.digest,
    size: field.size,
    content,
    /** What the producer believes; the writer sniffs, and records a mismatch. */
    mimeType: field.mimeType.optional(),
    messageId: field.messageId.optional(),
    associationType: field.associationType.optional(),
    metadata: field.metadata.optional(),
  })
    .superRefine(checkContentVersion)
    .meta({
      dependentRequired: { sequence: ['previous', 'producer'], previous: ['sequence'] },
      if: isIncoming,
      // biome-ignore lint/suspicious/noThenProperty: JSON Schema calls it so.
      then: carries(incomingVersion),
      else: carries(protocolVersion),
    }),
  'file-rename': sessionOperation({ fileId: field.fileId, filename: field.filename }),
  'file-annotate': sessionOperation({ fileId: field.fileId, metadata: field.metadataChange }),
  /** Same session (no `toSessionId`): another message. Another session: a file row of its own there. */
  'file-link': sessionOperation({
    fileId: field.fileId,
    toSessionId: field.sessionId.optional(),
    messageId: field.messageId.optional(),
    associationType: field.associationType.optional(),
  }),
  'file-copy': sessionOperation({
    fileId: field.fileId,
    toSessionId: field.sessionId.optional(),
    filename: field.filename.optional(),
  }),
  'file-delete': sessionOperation({ fileId: field.fileId, reason: field.reason.optional() }),
  'file-restore': sessionOperation({ fileId: field.fileId }),
  'file-purge': sessionOperation({ fileId: field.fileId, reason: field.reason.optional() }),
  'session-end': sessionOperation({}),
  'session-cleanup': sessionOperation({ mode: z.enum(['soft', 'hard']), reason: field.reason.optional() }),
  /** Takes back the soft deletion of all files of the session. */
  'session-restore': sessionOperation({}),
  /** A held session is kept for ever: no retention, no purge. */
  'session-hold': sessionOperation({ hold: z.boolean(), reason: field.reason.optional() }),
  /** The id of the operation is the id of the plan. */
  'plan-make': fleetOperation({ plan: planRequestSchema }),
  'plan-apply': fleetOperation({ planId: field.operationId }),
  'backup-make': fleetOperation({}),
  /** An operator says that the writer's clock is right, after retention waited because of it. */
  'clock-accept': fleetOperation({}),
  /** Executes a refused operation anew, under the id of this one. */
  'dead-letter-retry': fleetOperation({ deadLetterId: field.operationId }),
  'dead-letter-dismiss': fleetOperation({
    deadLetterIds: z.array(field.operationId).min(1).max(limits.dismissals),
    reason: field.reason.optional(),
  }),
  /** Reads a job in quarantine once more and executes it, under the id of this operation. */
  'quarantine-retry': fleetOperation({ quarantineId: field.quarantineId }),
  'quarantine-dismiss': fleetOperation({
    quarantineIds: z.array(field.quarantineId).min(1).max(limits.dismissals),
    reason: field.reason.optional(),
  }),
  /** Sent by the dashboard, whose word it is: the audit names its VM. */
  'action-record': fleetOperation({
    entries: z.array(actionEntry).min(1).max(limits.actionEntries),
  }),
  'access-record': fleetOperation({ entries: z.array(accessEntry).min(1).max(limits.accessEntries) }),
} as const;

export type OperationName = keyof typeof operationSchemas;
export type Payload<N extends OperationName = OperationName> = z.infer<(typeof operationSchemas)[N]>;

/** A checked operation: its name and its payload, as a union over all names. */
export type Operation<N extends OperationName = OperationName> = {
  [K in N]: { readonly name: K; readonly payload: Payload<K> };
}[N];

export const operationNames = Object.freeze(Object.keys(operationSchemas)) as readonly OperationName[];

export function isOperationName(name: string): name is OperationName {
  return Object.hasOwn(operationSchemas, name);
}
