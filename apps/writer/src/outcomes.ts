// What a result of the store means: an answer for the producer, an end of its job for BullMQ, a time for the figures.

import { type Answer, isSettled } from '@filefleet/protocol';
import type { Result } from '@filefleet/store';
import type { JobEnd } from './intake.ts';
import type { RawJob } from './read-job.ts';

export function isAnswer(result: Result): result is Extract<Result, { kind: 'settled' | 'resend' }> {
  return result.kind === 'settled' || result.kind === 'resend';
}

/** @throws Error when the result says nothing to a producer. */
export function answerOf(result: Result): Answer {
  if (result.kind === 'settled') return result.receipt;
  if (result.kind === 'resend') return result.answer;
  throw new Error(`expected the result to be an answer, got ${result.kind}`);
}

/** Bull Board shows applied jobs as completed with their receipt, refused ones as failed with their reason. */
export function endOf(answer: Answer): JobEnd {
  if (!isSettled(answer)) return { kind: 'vanish', returnvalue: answer };
  if (answer.outcome === 'applied') return { kind: 'complete', returnvalue: answer };
  return { kind: 'fail', reason: `${answer.code}: ${answer.message ?? ''}` };
}

/** From enqueueing to now; 0 when the producer's clock says nothing that could be true: figures refuse Infinity. */
export function tookMsOf({ addedAtMs }: Pick<RawJob, 'addedAtMs'>, nowMs: number): number {
  const tookMs = addedAtMs > 0 ? nowMs - addedAtMs : 0;
  return Number.isFinite(tookMs) ? Math.max(0, tookMs) : 0;
}
