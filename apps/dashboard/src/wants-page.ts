// Who asks: a person who looks at a page, or a program.

import type { FastifyRequest } from 'fastify';
import { boards } from './access.ts';

const pathOf = (url: string): string => url.split('?', 1)[0] ?? '';

/** Whether an address is Bull Board's, whose own page reads our answers. */
export const isForBoard = (url: string): boolean => pathOf(url).startsWith(boards.read);

/** Whether an address is the API's, also one that is none of it. */
export const isForApi = (url: string): boolean => /^\/api(\/|$)/.test(pathOf(url));

/** Whether a browser opens this as a page, whoever sits before it. */
export function opensPage({ url, headers }: Pick<FastifyRequest, 'url' | 'headers'>): boolean {
  const forPrograms = isForApi(url) || isForBoard(url) || url.startsWith('/assets/');
  return !forPrograms && (headers.accept ?? '').includes('text/html');
}

/** Whether a page in the frame of all pages is the right answer, and not JSON for a program or for a script of Bull Board. */
export function wantsPage(request: FastifyRequest): boolean {
  return request.person !== null && opensPage(request);
}
