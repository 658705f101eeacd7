// Who asks: a person who looks at a page, or a program.

import type { FastifyRequest } from 'fastify';
import { apiRoot, boards } from './access.ts';

/** Whether a page is the right answer, and not JSON for a program or for a script of Bull Board. */
export function wantsPage(request: FastifyRequest): boolean {
  const path = request.url.split('?', 1)[0] ?? '';
  const forPrograms =
    path.startsWith(`${apiRoot}/`) || path.startsWith(boards.read) || path.startsWith('/assets/');
  return !forPrograms && request.person !== null && (request.headers.accept ?? '').includes('text/html');
}
