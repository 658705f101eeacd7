// Example: an upload route. The body of the request streams into the fleet in bounded memory, and 201 means durable.
//
//   curl -T report.pdf http://vm1:8080/sessions/chat-7/files/report.pdf

import { type Client, ClientError } from '@filefleet/client';
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';

interface Upload {
  readonly Params: { readonly sessionId: string; readonly filename: string };
  readonly Headers: { readonly 'content-type'?: string; readonly 'x-operation-id'?: string };
}

export function uploadServer(files: Client): FastifyInstance {
  const app = Fastify();
  // Fastify would read the whole body first; we want it as it comes.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _body, done) => done(null));

  app.put<Upload>('/sessions/:sessionId/files/:filename', async (request, reply) => {
    const { 'content-type': mimeType, 'x-operation-id': operationId } = request.headers;
    const { fileId, digest, size } = await files.store({
      ...request.params,
      content: request.raw,
      ...(mimeType && { mimeType }),
      ...(operationId && { operationId }), // a browser that asks again after a broken line stores once
    });
    return reply.code(201).send({ fileId, digest, size });
  });

  app.setErrorHandler((error, _request, reply) => {
    if (!(error instanceof ClientError)) return reply.send(error);
    return tell(reply, error);
  });
  return app;
}

/** Codes say what to do; the texts are for people. */
function tell(reply: FastifyReply, { code, refusal, operationId, message }: ClientError): FastifyReply {
  const answer = { code: refusal ?? code, operationId, message };
  switch (code) {
    case 'INVALID':
    case 'SOURCE_FAILED':
      return reply.code(400).send(answer);
    case 'REFUSED':
      return reply.code(409).send(answer);
    case 'NOT_YET_DURABLE': // on its way: ask with the operation id, do not upload again
      return reply.code(202).send(answer);
    default:
      return reply.code(503).header('retry-after', '5').send(answer);
  }
}
