// What the API answers, as schemas: answers are held against them before they leave, and the OpenAPI document is made of
// them. Times are milliseconds since 1970, sizes bytes. Texts are as they were given: show them with care.

import { receiptSchema } from '@filefleet/protocol';
import { z } from 'zod';

const ms = z.int();
const msOrNull = z.int().nullable();
const count = z.int();
const text = z.string();
const textOrNull = z.string().nullable();
const details = z.record(z.string(), z.unknown()).nullable();
const nextCursor = z.string().optional().describe('Only when there may be more: give it as `cursor`.');

const usage = { files: count, logicalBytes: count, deletedFiles: count, deletedBytes: count };

export const session = z.object({
  sessionId: text,
  state: z.enum(['live', 'ended']),
  ...usage,
  firstActivityAtMs: ms,
  lastActivityAtMs: ms,
  endedAtMs: msOrNull,
  cleanedAtMs: msOrNull,
  hold: z.boolean().describe('Kept for ever.'),
  softAfterMs: msOrNull,
  purgeAfterMs: msOrNull,
  dueAtMs: msOrNull.describe('When retention takes its next step with it.'),
});
export const sessions = z.object({ sessions: z.array(session), nextCursor });

export const file = z.object({
  fileId: text,
  sessionId: text,
  filename: text.describe('Text, never a path.'),
  digest: text.describe('SHA-256 of the bytes, 64 lower-case hex digits.'),
  size: count,
  mimeType: textOrNull.describe('Sniffed from the bytes.'),
  declaredMimeType: textOrNull,
  uploadedBy: textOrNull,
  vm: textOrNull,
  uploadedAtMs: ms,
  isDeleted: z.boolean(),
  deletedAtMs: msOrNull,
  originFileId: textOrNull,
  messageIds: z.array(text),
});
export const files = z.object({ files: z.array(file), nextCursor });
export const found = z.object({
  matches: z.array(file),
  scanned: count.describe(
    'Files that were looked at; the index ruled out others. With a nextCursor there are more, of which nothing is known yet. A token that is limited to sessions is told how many matched instead.',
  ),
  nextCursor,
});

export const metadata = z.object({ metadata: z.record(z.string(), z.string()) });
export const accessLog = z.object({
  entries: z.array(
    z.object({
      accessType: z.enum(['upload', 'download', 'view', 'delete', 'restore']),
      accessedBy: textOrNull,
      accessedAt: text.describe('UTC, `YYYY-MM-DD HH:MM:SS`.'),
      details,
    }),
  ),
});
export const audit = z.object({
  entries: z.array(
    z.object({
      auditId: count,
      atMs: ms,
      action: text,
      operationId: textOrNull,
      sessionId: textOrNull,
      fileId: textOrNull,
      vm: textOrNull,
      actor: textOrNull,
      commitSequence: count,
      details,
    }),
  ),
  nextCursor,
});

export const auditOfAll = audit.extend({ scanned: count.describe('Entries that were looked at.') });

export const statistics = z.object({
  ...usage,
  sessions: count,
  liveSessions: count,
  storedBytes: count,
  savedBytes: count,
  reclaimableBlobs: count,
  reclaimableBytes: count,
  inlineBlobs: count,
  fileBlobs: count,
  perVm: z.array(z.object({ vm: textOrNull, ...usage })),
});
export const retention = z.object({
  softAfterMs: ms,
  purgeAfterMs: ms,
  idleAfterMs: msOrNull,
  spaceBytes: count.nullable(),
  changedAtMs: ms,
});
export const cleanups = z.object({
  cleanups: z.array(
    z.object({
      cleanupId: count,
      fileId: text,
      sessionId: text,
      filename: text,
      size: count,
      reason: text,
      scheduledAt: text.describe('UTC, `YYYY-MM-DD HH:MM:SS`.'),
    }),
  ),
  nextCursor,
});

const figures = { rows: count, blobs: count, blobBytes: count };
export const plan = z.object({
  planId: text,
  kind: z.enum(['cleanup', 'purge', 'sweep', 'retention']),
  request: z.record(z.string(), z.unknown()),
  vm: text,
  actor: textOrNull,
  state: z.enum(['planning', 'ready', 'checking', 'applying', 'applied', 'stale', 'expired']),
  createdAtMs: ms,
  readyAtMs: msOrNull,
  expiresAtMs: ms,
  finishedAtMs: msOrNull,
  digest: textOrNull,
  planned: z.object({ ...figures, sessions: count }),
  done: z.object({ ...figures, skipped: count }),
});
export const plans = z.object({ plans: z.array(plan) });

const deadLetter = z.object({
  operationId: text,
  name: text,
  vm: text,
  sessionId: textOrNull,
  code: text,
  message: textOrNull,
  payload: text.describe('JSON.'),
  refusedAtMs: ms,
});
const quarantined = z.object({
  quarantineId: count,
  jobId: text,
  name: text,
  code: text,
  reason: text,
  payload: text.describe('What the job carried; it may be no JSON.'),
  quarantinedAtMs: ms,
});
export const deadLetters = z.object({ deadLetters: z.array(deadLetter), nextCursor });
export const quarantine = z.object({ jobs: z.array(quarantined), nextCursor });
export const operation = z.object({
  operationId: text,
  name: text,
  vm: textOrNull,
  sessionId: textOrNull,
  state: z.enum(['applied', 'refused', 'quarantined']),
  receipt: receiptSchema.nullable(),
  deadLetter: deadLetter.nullable(),
  quarantined: quarantined.nullable(),
});

export const writer = z.object({
  writer: z
    .object({
      alive: z.boolean(),
      epoch: count,
      phase: text,
      heartbeatAgeMs: count,
      pressure: text,
      schemaVersion: text,
      startedAtMs: ms,
      lastCommitAtMs: msOrNull,
      commitSequence: count,
      settled: z.record(z.string(), count),
      staged: z.record(z.string(), count).optional(),
      maintenance: z.record(z.string(), z.unknown()).optional(),
    })
    .nullable()
    .describe('Null: no writer has said anything.'),
});
export const queue = z.object({
  counts: z.object({ waiting: count, active: count, delayed: count, completed: count, failed: count }),
});

// What is asked for.

const cursor = z.string().max(4_096).optional().describe('`nextCursor` of the page before.');
const limit = z.coerce.number().int().min(1).max(500).default(50);
const when = z.coerce.number().int().min(0).optional();
const prefix = z.string().min(1).max(128).optional();
const vm = z
  .string()
  .regex(/^[a-z][a-z0-9]{0,31}$/)
  .optional();
const yesOrNo = z.enum(['true', 'false']).transform((answer) => answer === 'true');

export const ids = {
  session: z.object({ sessionId: z.string().min(1).max(128) }),
  file: z.object({ fileId: z.uuid() }),
  operation: z.object({ operationId: z.uuid() }),
  plan: z.object({ planId: z.uuid() }),
};
/** A list refuses what it does not know: a filter that is misspelt would widen it unseen. */
export const asked = {
  nothing: z.object({}),
  limit: z.strictObject({ limit }),
  page: z.strictObject({ limit, cursor }),
  audit: z.strictObject({
    limit,
    cursor,
    about: z.enum(['fleet']).optional().describe('Only what was done to the fleet as a whole.'),
    actor: z.string().max(128).optional().describe('Exactly this name.'),
    action: z.string().max(64).optional().describe('Exactly this, or its beginning and a star.'),
    vm,
  }),
  sessions: z.strictObject({
    limit,
    cursor,
    state: z.enum(['live', 'ended']).optional(),
    hold: yesOrNo.optional(),
    prefix,
  }),
  sessionFiles: z.strictObject({ limit, cursor, deleted: yesOrNo.optional().describe('Also deleted ones.') }),
  deadLetters: z.strictObject({ limit, cursor, code: z.string().max(64).optional(), vm }),
  search: z.strictObject({
    limit,
    cursor,
    text: z.string().max(256).optional().describe('In names and metadata, as it stands, whatever the case.'),
    sessionId: z.string().min(1).max(128).optional(),
    sessionPrefix: prefix,
    digest: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
    vm,
    type: z
      .string()
      .max(128)
      .regex(/^[\w.+-]+\/(\*|[\w.+-]+)$/)
      .optional()
      .describe('`image/png`, or `image/*`.'),
    state: z.enum(['active', 'deleted', 'any']).default('active'),
    fromMs: when,
    untilMs: when,
  }),
};
