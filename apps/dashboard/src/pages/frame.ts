// Between a handler and its page: who asks, the token for forms, the message that the page before left, and the answer.

import type { FastifyReply, FastifyRequest } from 'fastify';
import { csrfToken } from '../login.ts';
import type { Flash, Frame } from './layout.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Wall clock in milliseconds, as the dashboard was given it. */
    now(): number;
  }
}

const flashCookie = 'filefleet_flash';
const flashSeconds = 60;
/** A cookie holds 4 KiB; a sentence is shorter. */
const flashCharacters = 600;

/** For the routes of people: takes the message away, so that it is shown once. @throws Error when nobody is logged in */
export function frameOf(request: FastifyRequest, reply: FastifyReply): Frame {
  const { person } = request;
  if (!person) throw new Error(`expected the guard to let only people in, got nobody at ${request.url}`);
  return {
    person,
    csrfToken: csrfToken(request, reply),
    flash: takeFlash(request, reply),
    nowMs: request.server.now(),
  };
}

export function sendPage(reply: FastifyReply, document: string, status = 200): FastifyReply {
  return reply.code(status).type('text/html; charset=utf-8').send(document);
}

/** Part of a page, for htmx. */
export const sendPart = (reply: FastifyReply, part: { toString(): string }, status = 200): FastifyReply =>
  sendPage(reply, part.toString(), status);

/** After a form: says what was done and goes to a page that can be loaded again without doing it twice. */
export function redirectWithFlash(reply: FastifyReply, url: string, kind: Flash['kind'], text: string) {
  leaveFlash(reply, kind, text);
  return reply.redirect(url, 303);
}

/** For the next page that is opened. */
export function leaveFlash(reply: FastifyReply, kind: Flash['kind'], text: string): void {
  const value = Buffer.from(JSON.stringify({ kind, text: text.slice(0, flashCharacters) })).toString(
    'base64url',
  );
  reply.setCookie(flashCookie, value, {
    path: '/',
    httpOnly: true,
    sameSite: 'strict',
    signed: true,
    maxAge: flashSeconds,
  });
}

/** Signed, so nobody else can put words into our mouth. */
function takeFlash(request: FastifyRequest, reply: FastifyReply): Flash | undefined {
  const cookie = request.cookies[flashCookie];
  if (cookie === undefined) return undefined;
  reply.clearCookie(flashCookie, { path: '/' });
  const { valid, value } = request.unsignCookie(cookie);
  if (!valid || value === null) return undefined;
  return JSON.parse(Buffer.from(value, 'base64url').toString('utf8')) as Flash;
}
