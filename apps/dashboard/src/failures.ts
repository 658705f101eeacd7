// The one form of a failure for programs: `{error: {code, message}}`, on every address.

import type { FastifyReply } from 'fastify';
import { isForBoard } from './wants-page.ts';

export function sendFailure(
  reply: FastifyReply,
  status: number,
  code: string,
  message: string,
): FastifyReply {
  return reply.code(status).send(failureBody(reply.request.url, code, message));
}

/** Bull Board's page translates `key`, or else shows the `message` beside it. */
function failureBody(url: string, code: string, message: string): object {
  if (!isForBoard(url)) return { error: { code, message } };
  return { error: { key: 'ERRORS.FORBIDDEN', code, message }, message };
}
