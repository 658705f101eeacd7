// The one door: decides for every request, before any handler sees it, who asks and whether they may. Denies by default.

import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Access, accessOf, isAllowed, isInScope, tokenRuleOf } from './access.ts';
import type { Accounts, Person } from './accounts.ts';
import type { Emit } from './events.ts';
import { sendFailure } from './failures.ts';
import { changesState, type Origin, originOf } from './origin.ts';
import type { Sessions } from './sessions.ts';
import { type MachineToken, parseBearer, type Tokens } from './tokens.ts';
import { wantsPage } from './wants-page.ts';

export const sessionCookie = 'filefleet_session';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; null before the guard, and for somebody not logged in on a public route. */
    person: Person | null;
    /** The id of the session that the person came with. */
    sessionId: string | null;
    /** The program that asks, when it came with a token; `person` is null then. */
    token: MachineToken | null;
  }
}

/** Counts one attempt to log in. @returns seconds to wait when there were too many. */
export type CountAttempt = (request: FastifyRequest) => Promise<number | undefined>;

export interface GuardParts {
  readonly accounts: Accounts;
  readonly tokens: Tokens;
  readonly sessions: Sessions;
  readonly countAttempt: CountAttempt;
  readonly emit: Emit;
  /** Shows a refusal to a person. */
  readonly showProblem: ShowProblem;
}

/** @param title what is wrong; `text` says why and what to do. */
export type ShowProblem = (
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  title: string,
  text: string,
) => FastifyReply;

export function createGuard(parts: GuardParts) {
  return async function guard(
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply | undefined> {
    const route = request.routeOptions.url;
    const access = route === undefined ? undefined : accessOf(request.method, route);
    const bearer = parseBearer(request.headers.authorization);
    if (bearer !== undefined && access !== 'public') return guardToken(parts, request, reply, bearer);
    const session = personOfSession(parts, request);
    const needsLogin = access !== 'public';
    const basic = needsLogin && !session ? await personOfBasic(parts, request, reply) : undefined;
    if (reply.sent) return reply;
    request.person = session ?? basic ?? null;
    const origin = originOfRequest(request);
    // A script without a password, or with a wrong one, is told so: that no page of ours sent it would mislead.
    const mayBeLed = !changesState(request.method) || origin !== 'other';
    if (needsLogin && !request.person && mayBeLed) return askForLogin(request, reply);
    if (changesState(request.method) && !isOurs(origin, basic !== undefined)) {
      return sendFailure(reply, 403, 'CROSS_ORIGIN', crossOrigin);
    }
    if (route !== undefined && !isAllowed(access, request.person?.role)) {
      const text = forbidden(access, request.person);
      if (!wantsPage(request)) return sendFailure(reply, 403, 'FORBIDDEN', text);
      return parts.showProblem(request, reply, 403, 'This is not for your role', text);
    }
    return undefined; // an unknown address, asked for by somebody known, becomes a 404
  };
}

/** A token speaks for itself: neither a cookie nor a password beside it counts. */
function guardToken(
  { tokens, emit }: GuardParts,
  request: FastifyRequest,
  reply: FastifyReply,
  bearer: string,
): FastifyReply | undefined {
  const token = tokens.find(bearer);
  if (!token) {
    emit('login.failed', { via: 'token', ip: request.ip });
    reply.header('www-authenticate', 'Bearer realm="filefleet", error="invalid_token"');
    return sendFailure(
      reply,
      401,
      'TOKEN_INVALID',
      'Nobody has this token; make one with `npm run -s make-token -w apps/dashboard -- <name>`, and add its entry to FILEFLEET_DASHBOARD_TOKENS or to the file of tokens.',
    );
  }
  request.token = token;
  const route = request.routeOptions.url;
  const rule = route === undefined ? undefined : tokenRuleOf(request.method, route);
  if (route === undefined) return undefined; // becomes a 404
  if (!isInScope(rule, token.scope)) {
    const needed = rule ? `This needs a token with the scope ${rule.scope}.` : 'Tokens do not open this.';
    return sendFailure(reply, 403, 'FORBIDDEN', needed);
  }
  if (rule?.reach === 'fleet' && token.sessionPrefix !== undefined) {
    return sendFailure(
      reply,
      404,
      'NOT_FOUND',
      'Nothing is at this address for a token that is limited to sessions.',
    );
  }
  return undefined;
}

const crossOrigin =
  'A change was asked for from outside these pages; open the dashboard itself, or use HTTP Basic from a script.';

function forbidden(access: Access | undefined, person: Person | null): string {
  if (access === undefined) return 'Nobody may do this here.';
  return `This needs the role ${access}; you have ${person?.role ?? 'none'}.`;
}

function personOfSession({ accounts, sessions }: GuardParts, request: FastifyRequest): Person | undefined {
  const cookie = request.cookies[sessionCookie];
  const unsigned = cookie === undefined ? undefined : request.unsignCookie(cookie);
  if (!unsigned?.valid) return undefined;
  const person = sessions.personOf(unsigned.value);
  if (!person || !accounts.isCurrent(person)) return undefined;
  request.sessionId = unsigned.value;
  return person;
}

/** Scripts and curl. Sends the response itself when there were too many attempts. */
async function personOfBasic(
  { accounts, countAttempt, emit }: GuardParts,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Person | undefined> {
  const credentials = parseBasic(request.headers.authorization);
  if (!credentials) return undefined;
  const known = accounts.recall(credentials.name, credentials.password);
  if (known) return known;
  const waitSeconds = await countAttempt(request);
  if (waitSeconds !== undefined) {
    emit('login.limited', { via: 'basic', ip: request.ip });
    reply.header('retry-after', waitSeconds);
    sendFailure(reply, 429, 'TOO_MANY_ATTEMPTS', `Too many attempts; try again in ${waitSeconds} s.`);
    return undefined;
  }
  const person = await accounts.verify(credentials.name, credentials.password);
  if (person === 'busy') {
    sendFailure(reply, 503, 'BUSY', 'Too many logins at once; try again.');
    return undefined;
  }
  if (!person) emit('login.failed', { via: 'basic', ip: request.ip });
  return person;
}

function parseBasic(header: string | undefined): { name: string; password: string } | undefined {
  const match = /^basic ([A-Za-z0-9+/=]+)$/i.exec(header ?? '');
  if (!match?.[1]) return undefined;
  const text = Buffer.from(match[1], 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { name: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** A browser must show that the change comes from our pages; a script that brings its password need not. */
function isOurs(origin: Origin, broughtPassword: boolean): boolean {
  return origin === 'same' || (origin === 'unknown' && broughtPassword);
}

function originOfRequest(request: FastifyRequest): Origin {
  const fetchSite = request.headers['sec-fetch-site'];
  return originOf({
    host: request.host,
    origin: request.headers.origin,
    fetchSite: typeof fetchSite === 'string' ? fetchSite : undefined,
  });
}

/** People get the form, programs get JSON. A part of a page is not the place for a form: the whole page goes there. */
function askForLogin(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (request.headers['hx-request'] === 'true') {
    reply.header('hx-redirect', `/login?next=${encodeURIComponent(pageOfPart(request))}`);
  }
  const opensPage = request.method === 'GET' && (request.headers.accept ?? '').includes('text/html');
  if (opensPage && !reply.hasHeader('hx-redirect'))
    return reply.redirect(`/login?next=${encodeURIComponent(request.url)}`, 302);
  // A browser that sees a Basic challenge opens a box of its own over the page.
  if (request.headers['sec-fetch-mode'] === undefined) {
    reply.header('www-authenticate', 'Basic realm="filefleet", charset="UTF-8"');
  }
  const told = parseBasic(request.headers.authorization)
    ? 'Nobody has this name with this password; check both, or log in at /login.'
    : 'Log in at /login, or send a name and password with HTTP Basic, or a token.';
  return sendFailure(reply, 401, 'LOGIN_REQUIRED', told);
}

function pageOfPart({ headers }: FastifyRequest): string {
  const url = String(headers['hx-current-url'] ?? '');
  if (!URL.canParse(url)) return '/';
  const { pathname, search } = new URL(url);
  return pathname + search;
}
