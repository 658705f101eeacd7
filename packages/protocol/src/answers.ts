// What the writer says to a producer. Settled answers are receipts: kept in the ledger, repeated for ever.

import { z } from 'zod';
import { type RefusedCode, type ResendCode, refusedCodes, resendCodes } from './codes.ts';
import * as field from './fields.ts';

const settled = {
  operationId: field.operationId,
  /** Number of the group commit that settled the operation. */
  commitSequence: z.int().min(1),
  /** When the group was committed: ISO 8601, UTC. */
  committedAt: z.iso.datetime(),
};

const appliedSchema = z.strictObject({
  ...settled,
  outcome: z.literal('applied'),
  fileId: field.fileId.optional(),
  digest: field.digest.optional(),
  size: z.int().min(0).optional(),
  /** True: no bytes were stored, because the store held them already. The file is a row of its own all the same. */
  deduplicated: z.boolean().optional(),
  /** `store-initialize` only. */
  schemaVersion: z.string().optional(),
  /** `session-cleanup` and `session-restore` only: how many files it deleted, purged or restored. */
  files: z.int().min(0).optional(),
});

const refusedSchema = z.strictObject({
  ...settled,
  outcome: z.literal('refused'),
  code: z.enum(Object.keys(refusedCodes) as [RefusedCode, ...RefusedCode[]]),
  /** Names the field or the rule; at most 160 characters, no paths, no secrets. */
  message: z.string().max(160).optional(),
});

const resendSchema = z.strictObject({
  operationId: field.operationId,
  outcome: z.literal('resend'),
  code: z.enum(Object.keys(resendCodes) as [ResendCode, ...ResendCode[]]),
  /** OUT_OF_ORDER only: the sequence that the writer waits for. */
  expected: z.int().min(1).optional(),
});

export const receiptSchema = z.discriminatedUnion('outcome', [appliedSchema, refusedSchema]);
export const answerSchema = z.discriminatedUnion('outcome', [appliedSchema, refusedSchema, resendSchema]);

export type AppliedReceipt = z.infer<typeof appliedSchema>;
export type RefusedReceipt = z.infer<typeof refusedSchema>;
export type Receipt = z.infer<typeof receiptSchema>;
export type Resend = z.infer<typeof resendSchema>;
export type Answer = z.infer<typeof answerSchema>;

export function isSettled(answer: Answer): answer is Receipt {
  return answer.outcome !== 'resend';
}

/** Field of a reply stream entry that holds the answer as JSON. */
export const replyField = 'answer';
