// Where pages of people are registered that read the store: what fails there is answered with a page that says why.

import { isStoreError } from '@filefleet/store';
import type { FastifyInstance } from 'fastify';
import { ApiError, failureOf } from './api/errors.ts';
import type { Emit } from './events.ts';
import { showProblem } from './problems.ts';

/** @param titles of the page for a status, where there is a better one than the general. */
export function pageScope(
  app: FastifyInstance,
  emit: Emit,
  titles: Readonly<Record<number, string>>,
  register: (scope: FastifyInstance) => void,
): void {
  app.register(async (scope) => {
    scope.setErrorHandler((error, request, reply) => {
      if (isOfForms(error)) throw error; // an old form: the whole dashboard answers alike
      const { status, message, reason } = failureOf(error);
      if (reason !== undefined) {
        emit('request.failed', { method: request.method, route: request.routeOptions.url ?? '', reason });
      }
      const title = titles[status] ?? general[status] ?? 'This cannot be shown';
      return showProblem(request, reply, status, title, message);
    });
    register(scope);
  });
}

const general: Readonly<Record<number, string>> = {
  400: 'This address says something else',
  404: 'Nothing is here',
  503: 'The store cannot be read just now',
};

function isOfForms(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  const ours = error instanceof ApiError || isStoreError(error);
  return !ours && typeof code === 'string' && code.startsWith('FST_CSRF_');
}
