// Answers to what goes wrong outside a handler's own words: addresses that are not there, errors, forms that are too old.
// People get a page in the frame, programs get JSON.

import { isStoreError } from '@filefleet/store';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { methodsAt } from './access.ts';
import type { Emit } from './events.ts';
import { sendFailure } from './failures.ts';
import { showForm } from './login.ts';
import { safeNext } from './next-url.ts';
import { errorPage } from './pages/error-page.ts';
import { frameOf, redirectWithFlash, sendPage } from './pages/frame.ts';
import { isForApi, wantsPage } from './wants-page.ts';

export function answerNothing(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const message = 'Nothing is at this address.';
  if (wantsPage(request)) {
    return showProblem(request, reply, 404, 'Nothing is here', `${message} What it named may be gone.`);
  }
  const methods = isForApi(request.url) ? methodsAt(request.url.split('?', 1)[0] ?? '') : [];
  if (methods.length === 0) return sendFailure(reply, 404, 'NOT_FOUND', message);
  reply.header('allow', methods.join(', '));
  const wish = `expected ${methods.join(' or ')} at this address, got ${request.method}`;
  return sendFailure(reply, 405, 'METHOD_NOT_ALLOWED', wish);
}

/** A page that says what is wrong. For handlers, too: a file that is not there, a cursor that fits nothing. */
export function showProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  title: string,
  text: string,
): FastifyReply {
  return sendPage(reply, errorPage({ ...frameOf(request, reply), title, text }), status);
}

export function answerError(
  emit: Emit,
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (error.code?.startsWith('FST_CSRF_')) return answerOldForm(request, reply);
  const status = statusOf(error);
  const [code, message] =
    status < 500 ? [error.code, error.message] : ['INTERNAL', 'Something went wrong; the log says what.'];
  if (status >= 500) {
    const route = request.routeOptions.url ?? '';
    emit('request.failed', { method: request.method, route, reason: error.message });
  }
  if (wantsPage(request)) return showProblem(request, reply, status, ...problemOf(error, status, message));
  return sendFailure(reply, status, code, message);
}

function statusOf(error: FastifyError): number {
  if (isStoreError(error)) return error.code === 'NOT_INITIALIZED' ? 503 : 500;
  return error.statusCode ?? 500;
}

function problemOf(error: FastifyError, status: number, message: string): [string, string] {
  if (isStoreError(error) && error.code === 'NOT_INITIALIZED') {
    return [
      'No store yet',
      'The writer has not made the store yet, or it stands elsewhere: start the writer, and see that both have the same FILEFLEET_DATA_DIR.',
    ];
  }
  return [status < 500 ? 'This cannot be shown' : 'Something went wrong', message];
}

/** A page that was open for too long, or from before a login. Nothing was changed, and the next form fits. */
function answerOldForm(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (!request.person)
    return showForm(reply, 403, '/', 'This page was open for too long. Please log in again.');
  const text = 'That page was open for too long, so nothing was changed. Please try again.';
  return redirectWithFlash(reply, cameFrom(request), 'bad', text);
}

/** The page of ours that a form stood on. */
export function cameFrom({ headers: { referer, host } }: FastifyRequest): string {
  if (referer === undefined || !URL.canParse(referer)) return '/';
  const url = new URL(referer);
  return url.host === host ? safeNext(url.pathname + url.search) : '/';
}
