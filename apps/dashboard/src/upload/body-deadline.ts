// How long the body of a request may take. The server's own limit is one for all routes, so it is the longest: that of
// uploads. Everybody else's is held here.

import type { FastifyInstance } from 'fastify';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** How long the body may take to arrive, in milliseconds, where it is more than for others. */
    readonly bodyMs?: number;
    /** For the document alone: schemas of bodies that the handler reads itself, by content type. */
    readonly bodies?: object;
  }
}

/** @param bodyMs for routes that say nothing else. Who takes longer is cut off. */
export function registerBodyDeadline(app: FastifyInstance, bodyMs: number): void {
  app.addHook('onRequest', async ({ raw, routeOptions }) => {
    const { 'content-length': length = '0', 'transfer-encoding': encoding } = raw.headers;
    if (length === '0' && encoding === undefined) return;
    const timer = setTimeout(() => {
      if (raw.complete === false) raw.destroy();
    }, routeOptions.config.bodyMs ?? bodyMs).unref();
    raw.once('close', () => clearTimeout(timer));
  });
}
