// Why an action had no effect, or none yet, as a sentence for the person who asked for it. Codes are the client's, or the
// writer's where it refused.

import { ClientError, type ClientErrorCode } from '@filefleet/client';
import { describeCode, isOperationId, operationIdTimeMs, type RefusedCode } from '@filefleet/protocol';

export type ActionErrorCode = ClientErrorCode | RefusedCode | 'FORM_EXPIRED' | 'NO_QUEUE';

/** What is said about an action that was not applied. */
export class ActionError extends Error {
  override readonly name = 'ActionError';
  readonly code: ActionErrorCode;
  /** For programs: 202 while the operation is on its way. */
  readonly status: number;
  readonly operationId: string | undefined;

  constructor(code: ActionErrorCode, message: string, facts: { status: number; operationId?: string }) {
    super(message);
    this.code = code;
    this.status = facts.status;
    this.operationId = facts.operationId;
  }

  /** It was handed over, and takes effect as soon as the writer gets to it. */
  get isUnderWay(): boolean {
    return this.code === 'NOT_YET_DURABLE';
  }
}

/** @returns the error for the page; undefined for one that is not the client's. */
export function actionErrorOf(error: unknown, operationId: string): ActionError | undefined {
  if (error instanceof ActionError) return error;
  if (!(error instanceof ClientError)) return undefined;
  if (error.code === 'REFUSED') return refusal(error, operationId);
  if (error.code === 'INVALID') {
    return new ActionError('INVALID', `Nothing was changed: ${error.message}.`, { status: 400, operationId });
  }
  const [status, message] = sentences[error.code] ?? [503, `Nothing was changed: ${error.message}.`];
  return new ActionError(error.code, message, { status, operationId });
}

const sentences: Partial<Record<ClientErrorCode, readonly [status: number, message: string]>> = {
  NOT_YET_DURABLE: [
    202,
    'This is in the queue and not done yet: the writer is busy or not running. It takes effect as soon as the writer gets to it; there is no need to ask again.',
  ],
  REDIS_UNAVAILABLE: [
    503,
    'Redis cannot be reached, so nothing was changed. Try again when the Fleet page says that it is back.',
  ],
  QUOTA: [503, 'The queue is full, so nothing was changed. Try again in a minute.'],
  OVER_BUDGET: [503, 'The queue is full, so nothing was changed. Try again in a minute.'],
  CLIENT_CLOSED: [503, 'The dashboard is stopping. Look whether this was done when it is back.'],
};

/** The writer's words about this one, or else what the code means in general. */
function refusal(error: ClientError, operationId: string): ActionError {
  const code = error.refusal ?? 'EXECUTION_FAILED';
  const detail = code === 'PAYLOAD_INVALID' ? error.receipt?.message : undefined;
  return new ActionError(code, `Refused: ${detail ?? describeCode(code)}`, { status: 409, operationId });
}

/** A form is good for a day; its operation id says when it was made. */
const formLifeMs = 24 * 3_600_000;
const clockSlackMs = 5 * 60_000;

/** @throws ActionError FORM_EXPIRED for an id that no form of ours can have given lately. */
export function assertFresh(operationId: unknown, nowMs: number): asserts operationId is string {
  const atMs = isOperationId(operationId) ? operationIdTimeMs(operationId) : 0;
  if (atMs > nowMs - formLifeMs && atMs < nowMs + clockSlackMs) return;
  throw new ActionError(
    'FORM_EXPIRED',
    'This page was open for too long, so nothing was changed. Open it again.',
    { status: 400 },
  );
}
