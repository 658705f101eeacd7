// Puts the dashboard together: headers, cookies, guard, pages, Bull Board. Listens to nothing by itself; see main.ts.

import { randomBytes } from 'node:crypto';
import cookie from '@fastify/cookie';
import csrf from '@fastify/csrf-protection';
import formbody from '@fastify/formbody';
import rateLimit from '@fastify/rate-limit';
import { queueName, redisPrefix } from '@filefleet/protocol';
import { Queue } from 'bullmq';
import fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import type { Redis } from 'ioredis';
import { type AccessConfig, AccessLists } from './access-lists.ts';
import { AccessRecords } from './access-records.ts';
import { Accounts } from './accounts.ts';
import { ActionRecords } from './action-records.ts';
import { Actions } from './actions/actions.ts';
import { type ApiLimits, makeApiParts, registerApi } from './api/register.ts';
import { SealedCursors } from './api/sealed-cursors.ts';
import { StoreDoor } from './api/store-door.ts';
import { registerAssets } from './assets.ts';
import { registerBoards } from './board.ts';
import { within } from './deadline.ts';
import type { Emit } from './events.ts';
import { registerFiles } from './files/register.ts';
import { type FleetOptions, registerFleet } from './fleet/register.ts';
import { createFleetProbe } from './fleet-state.ts';
import { type CountAttempt, createGuard } from './guard.ts';
import { registerHeaders } from './headers.ts';
import { registerHealth } from './health.ts';
import { csrfUser, registerLogin } from './login.ts';
import { registerOperations } from './operations/register.ts';
import { changesState } from './origin.ts';
import { answerOnWire, answerUnroutable, registerStopping } from './outside.ts';
import type { PageParts } from './page-parts.ts';
import { answerError, answerNothing, showProblem } from './problems.ts';
import { registerSessions } from './session-pages/register.ts';
import { Sessions } from './sessions.ts';
import { registerStorage } from './storage/register.ts';
import { Tokens } from './tokens.ts';
import { registerBodyDeadline } from './upload/body-deadline.ts';
import { type UploadConfig, uploadLimitsOf } from './upload/limits.ts';
import { makeUploadParts, registerUpload } from './upload/upload-route.ts';

export interface DashboardOptions {
  readonly config: AccessConfig &
    Partial<UploadConfig> & {
      readonly shard: number;
      readonly dashboardSecret: string | undefined;
      /** Where the store is; it need not be there yet. */
      readonly dataDir: string;
      readonly backupDir?: string;
      /** Figures of the past are kept here; undefined: for this run only. */
      readonly dashboardDir?: string | undefined;
      /** Of the queue that actions go into; without it people can only look. */
      readonly redisUrl?: string | undefined;
    };
  /** For tests that do not want to wait. */
  readonly apiLimits?: Partial<ApiLimits>;
  readonly fleet?: Pick<FleetOptions, 'liveLimits' | 'pulseMs'>;
  /** Stays the caller's: the dashboard never closes it. Needs an `error` listener. */
  readonly redis: Redis;
  readonly emit?: Emit;
  /** Wall clock in milliseconds. */
  readonly now?: () => number;
  /** Told of every route as it is registered, so that tests can hold the access table against them. */
  readonly onRoute?: (method: string, route: string) => void;
}

/** Attempts to log in from one address within a minute; Basic counts only where it costs a verification. */
const attemptsPerMinute = 10;
const queueCloseMs = 1_000;
const bodyBytes = 64 * 1024;
/** A request that has not arrived whole after this long is dropped; uploads have more time. */
const requestMs = 30_000;
/** A session id has up to 128 bytes, each of which may be three characters of an address. */
const parameterCharacters = 512;

declare module 'fastify' {
  interface FastifyInstance {
    /** Who may come in; `read()` looks at their files now. */
    access: AccessLists;
  }
}

/**
 * @returns a server that is ready for `listen` or `inject`; `close()` ends it within two seconds of the last request.
 * @throws ConfigError when a file of users or tokens cannot be read.
 */
export async function createDashboard(options: DashboardOptions): Promise<FastifyInstance> {
  const { config, redis, emit: tell = () => {}, now = Date.now } = options;
  const secret = config.dashboardSecret ?? randomBytes(48).toString('base64url');
  const access = new AccessLists(config, tell);
  const accounts = new Accounts(access.users, now);
  const sessions = new Sessions(now);
  const queue = openQueue(redis, config.shard);
  const actions = new Actions({ redisUrl: config.redisUrl, shard: config.shard });
  const actionRecords = new ActionRecords({ actions, emit: tell, now });
  const emit: Emit = (event, fields) => {
    tell(event, fields);
    if (config.redisUrl !== undefined) actionRecords.hear(event, fields);
  };
  const limits = uploadLimitsOf(config);
  // A proxy that speaks https to the world stands on this machine; anybody else's X-Forwarded-* is not believed.
  const app = fastify({
    trustProxy: 'loopback',
    bodyLimit: bodyBytes,
    requestTimeout: limits.bodyMs,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: parameterCharacters },
    frameworkErrors: answerUnroutable,
    clientErrorHandler: answerOnWire,
    return503OnClosing: false,
  });

  app.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat()) options.onRoute?.(each, url);
  });
  app.decorate('now', now);
  app.decorate('access', access);
  app.decorateRequest('person', null);
  app.decorateRequest('sessionId', null);
  app.decorateRequest('token', null);
  registerBodyDeadline(app, requestMs);
  registerStopping(app);
  await registerHeaders(app);
  await app.register(cookie, { secret });
  await app.register(formbody);
  await app.register(csrf, {
    sessionPlugin: '@fastify/cookie',
    cookieKey: 'filefleet_csrf',
    cookieOpts: { path: '/', httpOnly: true, sameSite: 'strict', signed: true },
    csrfOpts: { hmacKey: secret, userInfo: true },
    getUserInfo: csrfUser,
    getToken: csrfTokenOf,
  });
  await app.register(rateLimit, { global: false });

  const tokens = new Tokens(access.tokens);
  const parts = { accounts, tokens, sessions, emit, countAttempt: attemptCounter(app), showProblem };
  app.addHook('onRequest', createGuard(parts));
  app.addHook('onResponse', async (request, reply) => reportAction(emit, request, reply));
  app.setErrorHandler((error: FastifyError, request, reply) => answerError(emit, error, request, reply));
  app.setNotFoundHandler(answerNothing);
  registerAssets(app);
  registerLogin(app, parts);
  const probe = createFleetProbe(redis, queue, config.shard, now);
  const door = new StoreDoor(config.dataDir);
  app.addHook('onClose', async () => door.close());
  app.addHook('onClose', async () => access.close());
  const accessRecords = new AccessRecords({ actions, emit, now });
  const cursors = new SealedCursors(secret);
  const api = makeApiParts({ door, probe, emit, accessRecords, cursors, limits: options.apiLimits ?? {} });
  const uploads = makeUploadParts({ dataDir: config.dataDir, actions, now, view: api.view, limits });
  const isCurrent: PageParts['isCurrent'] = (person) => accounts.isCurrent(person);
  const shared = { door, api, actions, uploads, probe, queue, redis, emit, now, config };
  const pageParts: PageParts = { ...shared, isCurrent };
  registerHealth(app, probe);
  const mayStay = ({ sessionId, person }: FastifyRequest) =>
    person !== null &&
    accounts.isCurrent(person) &&
    (sessionId === null || sessions.personOf(sessionId) !== undefined);
  const live = registerFleet(app, pageParts, { ...options.fleet, mayStay, troubles: () => access.troubles });
  registerPages(app, pageParts);
  await registerApi(app, api, (scope) => registerUpload(scope, uploads));
  await registerBoards(app, { queue, redis, emit });
  app.addHook('onClose', async () => {
    await Promise.all([accessRecords.close(), actionRecords.close()]);
    await Promise.all([within(queueCloseMs, queue.close()), actions.close()]);
  });
  await app.ready();
  access.watch(() => {
    accounts.replace(access.users);
    tokens.replace(access.tokens);
    live.sendAway();
  });
  return app;
}

/** Each module of pages has a row here, and a row for each of its routes in access.ts. */
function registerPages(app: FastifyInstance, parts: PageParts): void {
  registerFiles(app, parts);
  registerSessions(app, parts);
  registerOperations(app, parts);
  registerStorage(app, parts);
}

/** Forms send the token as a field; a script of ours may send it as a header. */
function csrfTokenOf({ body, headers }: FastifyRequest): string | undefined {
  const header = headers['x-csrf-token'];
  return typeof header === 'string' ? header : (body as { _csrf?: string } | undefined)?._csrf;
}

/** The queue as an onlooker has it: it writes no settings of its own and asks Redis nothing before it is asked. */
function openQueue(redis: Redis, shard: number): Queue {
  const queue = new Queue(queueName, {
    connection: redis,
    prefix: redisPrefix(shard),
    skipMetasUpdate: true,
    skipVersionCheck: true,
  });
  queue.on('error', () => {}); // the connection itself reports; see redis.ts
  return queue;
}

function attemptCounter(app: FastifyInstance): CountAttempt {
  const limit = app.createRateLimit({ max: attemptsPerMinute, timeWindow: 60_000 });
  return async (request) => {
    const result = await limit(request);
    return !result.isAllowed && result.isExceeded ? result.ttlInSeconds : undefined;
  };
}

function reportAction(emit: Emit, request: FastifyRequest, reply: FastifyReply): void {
  const { person, method } = request;
  if (!person || !changesState(method) || request.routeOptions.url === '/logout') return;
  const path = request.url.split('?', 1)[0] ?? '';
  const route = request.routeOptions.url ?? '';
  emit('action.done', {
    user: person.name,
    role: person.role,
    method,
    route,
    path,
    status: reply.statusCode,
  });
}
