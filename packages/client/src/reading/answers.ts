// What the API answers, as far as readers need it. Answers are held against it: whatever else comes - a proxy's page, another
// program's JSON - is an error, and never an empty list. Fields that a newer dashboard adds are passed on.

import { receiptSchema } from '@filefleet/protocol';
import { z } from 'zod';

const ms = z.int();
const msOrNull = z.int().nullable();
const textOrNull = z.string().nullable();
const nextCursor = z.string().optional();
const details = z.record(z.string(), z.unknown()).nullable();

export const fileSchema = z.looseObject({
  fileId: z.string(),
  sessionId: z.string(),
  filename: z.string(),
  digest: z.string(),
  size: z.int(),
  mimeType: textOrNull,
  declaredMimeType: textOrNull,
  uploadedBy: textOrNull,
  vm: textOrNull,
  uploadedAtMs: ms,
  isDeleted: z.boolean(),
  deletedAtMs: msOrNull,
  originFileId: textOrNull,
  messageIds: z.array(z.string()),
});

export const sessionSchema = z.looseObject({
  sessionId: z.string(),
  state: z.enum(['live', 'ended']),
  files: z.int(),
  logicalBytes: z.int(),
  deletedFiles: z.int(),
  deletedBytes: z.int(),
  firstActivityAtMs: ms,
  lastActivityAtMs: ms,
  endedAtMs: msOrNull,
  cleanedAtMs: msOrNull,
  hold: z.boolean(),
  softAfterMs: msOrNull,
  purgeAfterMs: msOrNull,
  dueAtMs: msOrNull,
});

export const filePageSchema = z.looseObject({ files: z.array(fileSchema), nextCursor });
export const sessionPageSchema = z.looseObject({ sessions: z.array(sessionSchema), nextCursor });
export const foundSchema = z.looseObject({ matches: z.array(fileSchema), scanned: z.int(), nextCursor });
export const metadataSchema = z.looseObject({ metadata: z.record(z.string(), z.string()) });

const accessSchema = z.looseObject({
  accessType: z.enum(['upload', 'download', 'view', 'delete', 'restore']),
  accessedBy: textOrNull,
  accessedAt: z.string(),
  details,
});
export const accessLogSchema = z.looseObject({ entries: z.array(accessSchema) });

export const operationSchema = z.looseObject({
  operationId: z.string(),
  name: z.string(),
  vm: textOrNull,
  sessionId: textOrNull,
  state: z.enum(['applied', 'refused', 'quarantined']),
  receipt: receiptSchema.nullable(),
});

export const problemSchema = z.looseObject({
  error: z.looseObject({ code: z.string(), message: z.string() }),
});

/** The named fields; what else a dashboard sends is there, but has no type. */
type Known<Answer> = {
  readonly [Key in keyof Answer as string extends Key ? never : Key]: Answer[Key];
};

/** What the store knows of a file. Times are milliseconds since 1970; `filename` is text, never a path. */
export type FileFacts = Known<z.output<typeof fileSchema>>;
/** What the store knows of a session. Times are milliseconds since 1970, sizes bytes. */
export type SessionFacts = Known<z.output<typeof sessionSchema>>;
/** One line of a file's access log; `accessedAt` is UTC, `YYYY-MM-DD HH:MM:SS`. */
export type AccessFacts = Known<z.output<typeof accessSchema>>;
/** What became of an operation. */
export type OperationFacts = Known<z.output<typeof operationSchema>>;
