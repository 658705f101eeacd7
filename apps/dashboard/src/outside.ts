// Answers to what never gets to a route or past the guard: an address that cannot be read, a request that is no HTTP, one that
// comes while the dashboard stops. The same form as everywhere; nobody knows yet who asks, so nothing of the fleet is in it.

import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sendFailure } from './failures.ts';
import { html } from './pages/html.ts';
import { barePage } from './pages/layout.ts';
import { opensPage } from './wants-page.ts';

type Words = readonly [code: string, message: string];

const badAddress: Words = [
  'ADDRESS_INVALID',
  'expected the address to be percent-encoded UTF-8, got something else; encode each part of it',
];
const longAddress: Words = [
  'ADDRESS_TOO_LONG',
  'expected a part of the address to be an id or a name, got one that is longer than any; shorten it',
];

/** For Fastify's `frameworkErrors`: no hook has run, so headers that protect are set here. */
export function answerUnroutable(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  reply.headers({
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'",
  });
  const isLong = error.code === 'FST_ERR_MAX_PARAM_LENGTH';
  answer(request, reply, isLong ? 414 : 400, isLong ? longAddress : badAddress);
}

/** Requests on open connections after the dashboard was told to stop. */
export function registerStopping(app: FastifyInstance): void {
  let isStopping = false;
  app.addHook('preClose', async () => {
    isStopping = true;
  });
  app.addHook('onRequest', async (request, reply) => {
    if (!isStopping) return undefined;
    reply.header('retry-after', 1);
    return answer(request, reply, 503, ['STOPPING', 'The dashboard is stopping; try again in a moment.']);
  });
}

function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  [code, message]: Words,
): FastifyReply {
  if (!opensPage(request)) return sendFailure(reply, status, code, message);
  const body = html`<main class="login"><h1>This cannot be shown</h1>
<p>${message}</p>
<p><a class="button" href="/">To the fleet</a></p></main>`;
  return reply.code(status).type('text/html; charset=utf-8').send(barePage('This cannot be shown', body));
}

const wireProblems: Readonly<Record<string, readonly [status: number, code: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: [
    431,
    'HEADERS_TOO_LARGE',
    'expected address and headers to have 16 KiB at most, got more',
  ],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'BODY_INVALID', 'expected chunks without extensions, got long ones'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'REQUEST_STALLED', 'expected the whole request in time, got a part of it'],
};

/** For Fastify's `clientErrorHandler`: what Node could not read as HTTP. */
export function answerOnWire(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const [status, code, message] = wireProblems[error.code ?? ''] ?? [
    400,
    'REQUEST_INVALID',
    'expected a request of HTTP/1.1, got something else',
  ];
  const body = JSON.stringify({ error: { code, message } });
  // Into an answer that is under way, these bytes would go as a part of it.
  const underWay = (socket as Socket & { _httpMessage?: ServerResponse })._httpMessage?.headersSent === true;
  if (socket.writable && !underWay) {
    socket.write(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  }
  socket.destroy(error);
}
