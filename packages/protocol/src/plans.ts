// What a destructive command selects. Nothing goes because of it: the writer makes a plan of it, and `plan-apply` names
// the plan.

import { z } from 'zod';
import * as field from './fields.ts';
import { limits } from './limits.ts';

/** A century: what is meant to be longer is a hold. */
const spanMs = z.int().min(0).max(3_155_760_000_000);

/** Softly deletes, or purges, files that are due by retention; with a session, all of its files, due or not. */
const cleanupPlan = z.strictObject({
  kind: z.literal('cleanup'),
  mode: z.enum(['soft', 'hard']),
  sessionId: field.sessionId.optional(),
});

/** Purges files that are softly deleted: those named, those of a session, those deleted before a moment. */
const purgePlan = z
  .strictObject({
    kind: z.literal('purge'),
    sessionId: field.sessionId.optional(),
    fileIds: z.array(field.fileId).min(1).max(limits.planFiles).optional(),
    deletedBeforeMs: field.timeMs.optional(),
  })
  .refine((plan) => plan.sessionId ?? plan.fileIds ?? plan.deletedBeforeMs, {
    error: 'given a session, files or a moment to choose by',
  });

/** Removes bytes that no file has named for at least this long. */
const sweepPlan = z.strictObject({ kind: z.literal('sweep'), graceMs: spanMs.optional() });

/** Changes the spans of the policy or, with a session, of that one; null takes a limit or a span of its own away. */
const retentionPlan = z.strictObject({
  kind: z.literal('retention'),
  sessionId: field.sessionId.optional(),
  softAfterMs: spanMs.nullable().optional(),
  purgeAfterMs: spanMs.nullable().optional(),
  idleAfterMs: spanMs.min(1).nullable().optional(),
  spaceBytes: z.int().min(1).nullable().optional(),
});

export const planRequestSchema = z.discriminatedUnion('kind', [
  cleanupPlan,
  purgePlan,
  sweepPlan,
  retentionPlan,
]);
export type PlanRequest = z.infer<typeof planRequestSchema>;
export type PlanKind = PlanRequest['kind'];

/** How long a plan may be applied, in milliseconds. */
export const planLifeMs = 3_600_000;
