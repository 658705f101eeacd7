// Logging in and out with a form: a token in the form and one in a cookie, a bounded number of attempts, a new session.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type GuardParts, sessionCookie } from './guard.ts';
import { safeNext } from './next-url.ts';
import { loginPage } from './pages/login-page.ts';
import { sessionMs } from './sessions.ts';

const formBytes = 8 * 1024;

/** What the form sends; anything may be missing, because anybody may send it. */
interface LoginForm {
  readonly name?: unknown;
  readonly password?: unknown;
  readonly next?: unknown;
}

export function registerLogin(app: FastifyInstance, parts: GuardParts): void {
  const { accounts, sessions, countAttempt, emit } = parts;

  app.get<{ Querystring: { next?: string } }>('/login', async (request, reply) => {
    const next = safeNext(request.query.next);
    return request.person ? reply.redirect(next, 303) : showForm(reply, 200, next);
  });

  app.post('/login', { bodyLimit: formBytes, preHandler: app.csrfProtection }, async (request, reply) => {
    const { name, password, next } = (request.body ?? {}) as LoginForm;
    const goTo = safeNext(next);
    const waitSeconds = await countAttempt(request);
    if (waitSeconds !== undefined) {
      emit('login.limited', { via: 'form', ip: request.ip });
      reply.header('retry-after', waitSeconds);
      return showForm(reply, 429, goTo, `Too many attempts. Try again in ${waitSeconds} s.`);
    }
    const person = await accounts.verify(String(name ?? ''), String(password ?? ''));
    if (person === 'busy') return showForm(reply, 503, goTo, 'Too many logins at once. Try again.');
    if (!person) {
      emit('login.failed', { via: 'form', ip: request.ip });
      return showForm(reply, 401, goTo, 'Name or password is wrong.');
    }
    if (request.sessionId !== null) sessions.end(request.sessionId);
    setSessionCookie(request, reply, sessions.open(person));
    emit('login.succeeded', { user: person.name, role: person.role, ip: request.ip });
    return reply.redirect(goTo, 303);
  });

  app.post('/logout', { bodyLimit: formBytes, preHandler: app.csrfProtection }, async (request, reply) => {
    if (request.sessionId !== null) sessions.end(request.sessionId);
    reply.clearCookie(sessionCookie, { path: '/' });
    if (request.person) emit('session.ended', { user: request.person.name });
    return reply.redirect('/login', 303);
  });
}

/** A token that fits only this browser, and after a login only this person. */
export function csrfToken(request: FastifyRequest, reply: FastifyReply): string {
  return reply.generateCsrf({ secure: isHttps(request), userInfo: csrfUser(request) });
}

/** What a token is bound to beside the browser. */
export function csrfUser(request: FastifyRequest): string {
  return request.person ? `person ${request.person.name}` : 'nobody';
}

/** Says in the form itself why a token did not fit, because the form of a page left open is the usual reason. */
export function showForm(reply: FastifyReply, status: number, next: string, problem?: string): FastifyReply {
  const facts = { csrfToken: csrfToken(reply.request, reply), next };
  return reply
    .code(status)
    .type('text/html; charset=utf-8')
    .send(loginPage(problem === undefined ? facts : { ...facts, problem }));
}

function setSessionCookie(request: FastifyRequest, reply: FastifyReply, id: string): void {
  reply.setCookie(sessionCookie, id, {
    path: '/',
    httpOnly: true,
    sameSite: 'strict',
    secure: isHttps(request),
    signed: true,
    maxAge: sessionMs / 1_000,
  });
}

/** Plain http is for loopback and for a proxy on this machine that speaks https to the world. */
function isHttps(request: FastifyRequest): boolean {
  return request.protocol === 'https';
}
