// The way of every form that acts: CSRF token, a fresh operation id from the form, the operation, a sentence for the next
// page, and a redirect, so that a reload does nothing again. Who may is decided before, by the guard and its table.

import type { AppliedReceipt, OperationFields } from '@filefleet/client';
import { makeOperationId, type OperationName } from '@filefleet/protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { redirectWithFlash } from '../pages/frame.ts';
import { type Html, html } from '../pages/html.ts';
import { ActionError, assertFresh } from './action-error.ts';
import type { Actions } from './actions.ts';

/** What a form says, once the handler has read it. */
export interface FormAction<N extends OperationName = OperationName> {
  readonly name: N;
  readonly fields: OperationFields<N>;
  readonly retryOf?: string;
  /** Where the browser goes next, always: a path of ours. With a function, that depends on the receipt. */
  readonly back: string | ((receipt: AppliedReceipt) => string);
  /** What is said when it was applied: one sentence. */
  readonly done: (receipt: AppliedReceipt) => string;
}

export interface FormActionParts {
  readonly actions: Actions;
  /** Wall clock in milliseconds. */
  readonly now: () => number;
}

export type FormBody = Readonly<Record<string, unknown>>;

/** The hidden fields of a form that acts. The id is its idempotency key: sent twice, it has one effect. */
export function actionFields(csrfToken: string, nowMs: number): Html {
  return html`<input type="hidden" name="_csrf" value="${csrfToken}"><input type="hidden" name="operation" value="${makeOperationId(nowMs)}">`;
}

/**
 * Registers a POST that acts. Its row in the access table says who may.
 * @param read makes the action of the request; throws an ActionError when it cannot.
 * @param fallback where the browser goes when `read` throws.
 */
export function registerFormAction<N extends OperationName>(
  app: FastifyInstance,
  parts: FormActionParts,
  route: string,
  read: (request: FastifyRequest, body: FormBody) => FormAction<N>,
  fallback: (request: FastifyRequest) => string,
): void {
  app.post(route, { preHandler: app.csrfProtection }, async (request, reply) => {
    const body = (request.body ?? {}) as FormBody;
    let back = fallback(request);
    try {
      const action = read(request, body);
      if (typeof action.back === 'string') back = action.back;
      const receipt = await runForm(parts, request, body.operation, action);
      if (typeof action.back === 'function') back = action.back(receipt);
      return redirectWithFlash(reply, back, 'good', action.done(receipt));
    } catch (error) {
      return redirectWithFailure(reply, back, error);
    }
  });
}

/** Runs the action of a form under the id that came with it. @throws ActionError */
export async function runForm<N extends OperationName>(
  { actions, now }: FormActionParts,
  request: FastifyRequest,
  operationId: unknown,
  { name, fields, retryOf }: FormAction<N>,
): Promise<AppliedReceipt> {
  const actor = request.person ?? request.token;
  if (!actor) throw new Error('expected the guard to let only somebody with a name act');
  assertFresh(operationId, now());
  return await actions.run(actor, name, fields, { operationId, ...(retryOf && { retryOf }) });
}

/** Says on the next page what went wrong. @throws the error itself when it is none of an action. */
export function redirectWithFailure(reply: FastifyReply, url: string, error: unknown): FastifyReply {
  if (!(error instanceof ActionError)) throw error;
  return redirectWithFlash(reply, url, error.isUnderWay ? 'slow' : 'bad', error.message);
}
