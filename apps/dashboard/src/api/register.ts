// The read API under /api/v1: routes with schemas, from which the OpenAPI document is made; errors in one form; a view of
// the store for each caller. Who may ask is decided before, by the guard.

import swagger, { type FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { jsonSchemaTransform, serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { apiRoot } from '../access.ts';
import type { AccessRecords } from '../access-records.ts';
import type { Emit } from '../events.ts';
import type { FleetProbe } from '../fleet-state.ts';
import { contentRoute } from './content.ts';
import { clientGone, failureOf } from './errors.ts';
import { Line } from './line.ts';
import { routes } from './routes.ts';
import type { SealedCursors } from './sealed-cursors.ts';
import type { StoreDoor } from './store-door.ts';
import { Turns } from './turns.ts';
import { View } from './view.ts';

export interface ApiLimits {
  /** Contents that are given out at the same time; each holds a file open. */
  readonly contents: number;
  /** Searches at the same time. */
  readonly searches: number;
  /** Requests that may wait for one of those places, and for how long, in milliseconds. */
  readonly waiting: number;
  readonly patienceMs: number;
  /** A client that takes nothing of a content for this long is cut off, in milliseconds. */
  readonly stallMs: number;
  /** Files that one search looks at, and how long it may take, in milliseconds. */
  readonly searchRows: number;
  readonly searchMs: number;
}

const defaultLimits: ApiLimits = Object.freeze({
  contents: 64,
  searches: 2,
  waiting: 1_024,
  patienceMs: 10_000,
  stallMs: 30_000,
  searchRows: 20_000,
  searchMs: 500,
});

export interface ApiParts {
  readonly probe: FleetProbe;
  readonly limits: ApiLimits;
  readonly searches: Turns;
  readonly contents: Turns;
  readonly emit: Emit;
  readonly accessRecords: AccessRecords;
  readonly cursors: SealedCursors;
  view(request: FastifyRequest): View;
}

export interface ApiOptions {
  /** Closed by who opened it. */
  readonly door: StoreDoor;
  readonly probe: FleetProbe;
  readonly emit: Emit;
  readonly accessRecords: AccessRecords;
  readonly cursors: SealedCursors;
  readonly limits: Partial<ApiLimits>;
}

/** Made once: pages and API share the bounds of what is done at the same time. */
export function makeApiParts(options: ApiOptions): ApiParts {
  const { door, probe, emit, accessRecords, cursors } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const { waiting, patienceMs } = limits;
  return {
    probe,
    emit,
    accessRecords,
    cursors,
    limits,
    searches: new Turns({ atOnce: limits.searches, waiting, patienceMs }),
    contents: new Turns({ atOnce: limits.contents, waiting, patienceMs }),
    view: (request) => new View(door.reader(), request.token?.sessionPrefix),
  };
}

/** @param registerMore routes that are more than a read. */
export async function registerApi(
  app: FastifyInstance,
  parts: ApiParts,
  registerMore: (scope: FastifyInstance) => Promise<void>,
): Promise<void> {
  await app.register(async (api) => {
    api.setValidatorCompiler(validatorCompiler);
    api.setSerializerCompiler(serializerCompiler);
    api.setErrorHandler((error, request, reply) => answerFailure(parts.emit, error, request, reply));
    await api.register(swagger, { openapi: description, transform: describeRoute });
    await api.register(
      async (scope) => {
        const line = new Line();
        scope.addHook('onRequest', async (request) => {
          await line.turn();
          if (request.raw.socket?.destroyed) throw clientGone();
        });
        for (const route of routes(parts)) scope.route(route);
        scope.route(contentRoute(parts));
        await registerMore(scope);
        scope.get('/openapi.json', { schema: { summary: 'This document.' } }, async () => api.swagger());
      },
      { prefix: apiRoot },
    );
  });
}

/** Bodies that a handler reads itself are described in its configuration. */
const describeRoute: NonNullable<FastifyDynamicSwaggerOptions['transform']> = (given) => {
  const made = jsonSchemaTransform(given as Parameters<typeof jsonSchemaTransform>[0]);
  const { bodies } = given.route.config ?? {};
  return bodies ? { ...made, schema: { ...made.schema, body: { content: bodies } } } : made;
};

const description: NonNullable<FastifyDynamicSwaggerOptions['openapi']> = {
  openapi: '3.1.0',
  info: {
    title: 'filefleet',
    version: '1',
    description:
      'A fleet over HTTP: sessions, files and their bytes, operations, plans, and uploads. Errors are `{error: {code, message}}`. Times are milliseconds since 1970, sizes bytes. Names and metadata come from anybody on the fleet, and are given as they are.',
  },
  components: {
    securitySchemes: {
      token: { type: 'http', scheme: 'bearer' },
      user: { type: 'http', scheme: 'basic' },
    },
  },
  security: [{ token: [] }, { user: [] }],
};

function answerFailure(
  emit: Emit,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const { status, code, message, reason } = failureOf(error);
  if (reason !== undefined) {
    emit('request.failed', { method: request.method, route: request.routeOptions.url ?? '', reason });
  }
  if (status === 503) reply.header('retry-after', 1);
  return reply
    .code(status)
    .type('application/json; charset=utf-8')
    .serializer(JSON.stringify)
    .send({ error: { code, message } });
}
