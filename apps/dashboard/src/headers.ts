// What browsers are told about our responses. Own pages run the scripts in assets/ and nothing else: none inline, none
// evaluated; Bull Board runs its own.

import helmet from '@fastify/helmet';
import type { FastifyInstance } from 'fastify';

const ownPolicy = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  connectSrc: ["'self'"],
  workerSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'"],
  formAction: ["'self'"],
  frameAncestors: ["'none'"],
  baseUri: ["'none'"],
};

/** Bull Board needs its scripts, a worker for colours, inline styles and inline images; it has no eval. */
export const boardPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  "connect-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "base-uri 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

export async function registerHeaders(app: FastifyInstance): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: ownPolicy },
    // Without an Origin on our own forms the guard could not tell them from others'.
    referrerPolicy: { policy: 'same-origin' },
    // Whether this host is https for ever is for the proxy in front of it to say.
    strictTransportSecurity: false,
    xFrameOptions: { action: 'deny' },
  });
  app.addHook('onSend', async (_request, reply) => {
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
  });
}
