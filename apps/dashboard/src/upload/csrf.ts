// The token of a form whose fields come piece by piece, so that the plugin cannot find it in a parsed body.

import type { FastifyReply, FastifyRequest } from 'fastify';

/** Whether the token fits this browser and this person. */
export async function hasCsrf(
  request: FastifyRequest,
  reply: FastifyReply,
  token: string | undefined,
): Promise<boolean> {
  request.body = { _csrf: token };
  return new Promise((resolve) => {
    const refusing = Object.create(reply, { send: { value: () => resolve(false) } });
    request.server.csrfProtection(request, refusing, () => resolve(true));
  });
}
