// The routes of the read API that answer with JSON: what each is asked, and what it says.

import type { FastifyRequest, RouteOptions } from 'fastify';
import type { z } from 'zod';
import { readAudit } from '../storage/audit-list.ts';
import { boundedSearch } from './bounded-search.ts';
import { ApiError, errorSchema, notFound } from './errors.ts';
import type { ApiParts } from './register.ts';
import * as schemas from './schemas.ts';
import type { View } from './view.ts';

const { asked, ids } = schemas;

interface Definition<Params extends z.ZodType, Query extends z.ZodType> {
  readonly summary: string;
  readonly params?: Params;
  readonly query: Query;
  readonly answer: z.ZodType;
  say(view: () => View, params: z.output<Params>, query: z.output<Query>): unknown;
}

/** What a query of a page may hold, and its answer. */
interface Cursors {
  readonly cursor?: string | undefined;
  readonly nextCursor?: string | undefined;
}

export function routes(parts: ApiParts): RouteOptions[] {
  const get = <Params extends z.ZodType, Query extends z.ZodType>(
    url: string,
    { summary, params, query, answer, say }: Definition<Params, Query>,
  ): RouteOptions => ({
    method: 'GET',
    url,
    schema: {
      summary,
      ...(params ? { params } : {}),
      querystring: query,
      response: { 200: answer, '4xx': errorSchema, '5xx': errorSchema },
    },
    handler: async (request: FastifyRequest) => {
      const { cursors } = parts;
      const prefix = request.token?.sessionPrefix;
      const view = () => parts.view(request);
      const asks = request.query as z.output<Query> & Cursors;
      if (prefix === undefined) return say(view, request.params as z.output<Params>, asks);
      const opened = asks.cursor === undefined ? asks : { ...asks, cursor: cursors.open(asks.cursor) };
      const said = (await say(view, request.params as z.output<Params>, opened)) as Cursors;
      if (said.nextCursor === undefined) return said;
      return { ...said, nextCursor: cursors.seal(said.nextCursor) };
    },
  });

  return [
    get('/sessions', {
      summary: 'Sessions, the most recently used first; with a prefix, in the order of their ids.',
      query: asked.sessions,
      answer: schemas.sessions,
      say: (view, _, query) => view().sessions(given(query)),
    }),
    get('/sessions/:sessionId', {
      summary: 'One session: state, hold, what it holds, when retention takes its next step.',
      params: ids.session,
      query: asked.nothing,
      answer: schemas.session,
      say: (view, { sessionId }) => view().session(sessionId),
    }),
    get('/sessions/:sessionId/files', {
      summary: 'Files of a session, newest first.',
      params: ids.session,
      query: asked.sessionFiles,
      answer: schemas.files,
      say: (view, { sessionId }, { deleted, ...page }) =>
        view().sessionFiles(sessionId, { ...given(page), includeDeleted: deleted ?? false }),
    }),
    get('/files', {
      summary:
        'Search in names and metadata, newest first. Looks at a bounded number of files and says where to go on.',
      query: asked.search,
      answer: schemas.found,
      say: async (view, _, query) => {
        const [here, filter] = [view(), given(query)];
        return here.told(await boundedSearch(parts, filter, (place) => here.search({ ...filter, ...place })));
      },
    }),
    get('/files/:fileId', {
      summary: 'One file.',
      params: ids.file,
      query: asked.nothing,
      answer: schemas.file,
      say: (view, { fileId }) => view().file(fileId),
    }),
    get('/files/:fileId/metadata', {
      summary: 'Metadata of a file.',
      params: ids.file,
      query: asked.nothing,
      answer: schemas.metadata,
      say: (view, { fileId }) => ({ metadata: view().metadata(fileId) }),
    }),
    get('/files/:fileId/access-log', {
      summary: 'Who stored, viewed, downloaded, deleted, restored a file; newest first.',
      params: ids.file,
      query: asked.limit,
      answer: schemas.accessLog,
      say: (view, { fileId }, { limit }) => ({ entries: view().accessLog(fileId, limit) }),
    }),
    get('/files/:fileId/audit', {
      summary: 'What happened to a file, also to one that was purged; newest first.',
      params: ids.file,
      query: asked.page,
      answer: schemas.audit,
      say: (view, { fileId }, query) => named('entries', view().audit(fileId, given(query))),
    }),
    get('/operations/:operationId', {
      summary: 'What became of an operation: its receipt, its dead letter, its quarantine.',
      params: ids.operation,
      query: asked.nothing,
      answer: schemas.operation,
      say: (view, { operationId }) => view().operation(operationId),
    }),
    get('/dead-letters', {
      summary: 'Refused operations, newest first.',
      query: asked.deadLetters,
      answer: schemas.deadLetters,
      say: (view, _, query) => named('deadLetters', view().deadLetters(given(query))),
    }),
    get('/quarantine', {
      summary: 'Jobs that nobody could read, newest first.',
      query: asked.page,
      answer: schemas.quarantine,
      say: (view, _, query) => named('jobs', view().fleet.pageQuarantine(given(query))),
    }),
    get('/audit', {
      summary:
        'Who did what, newest first. Looks at a bounded number of entries and says where to go on; with `about=fleet`, only what was done to no session and no file in particular.',
      query: asked.audit,
      answer: schemas.auditOfAll,
      say: (view, _, query) => readAudit(view().fleet, given(query)),
    }),
    get('/cleanups', {
      summary: 'Open reminders of cleanups, soonest first.',
      query: asked.page,
      answer: schemas.cleanups,
      say: (view, _, query) => named('cleanups', view().cleanups(given(query))),
    }),
    get('/statistics', {
      summary: 'What the store holds, exactly.',
      query: asked.nothing,
      answer: schemas.statistics,
      say: (view) => view().fleet.getStatistics(),
    }),
    get('/retention', {
      summary: 'The retention policy in force.',
      query: asked.nothing,
      answer: schemas.retention,
      say: (view) => view().fleet.getRetention() ?? missingPolicy(),
    }),
    get('/plans', {
      summary: 'Plans of destructive commands, newest first.',
      query: asked.limit,
      answer: schemas.plans,
      say: (view, _, { limit }) => ({ plans: view().fleet.listPlans({ limit }) }),
    }),
    get('/plans/:planId', {
      summary: 'One plan: what was asked for, what it selected, what became of it.',
      params: ids.plan,
      query: asked.nothing,
      answer: schemas.plan,
      say: (view, { planId }) => view().fleet.getPlan(planId) ?? missingPlan(),
    }),
    get('/writer', {
      summary: 'What the writer says about itself.',
      query: asked.nothing,
      answer: schemas.writer,
      say: async () => {
        const { redis, writer } = await parts.probe.readState();
        return redis === 'up' ? { writer } : redisAway();
      },
    }),
    get('/queue', {
      summary: 'Jobs in the queue, by state.',
      query: asked.nothing,
      answer: schemas.queue,
      say: async () => ({ counts: (await parts.probe.readCounts()) ?? redisAway() }),
    }),
  ];
}

/** What was asked, without what was left out. */
function given<Query extends object>(query: Query): { [Key in keyof Query]: Exclude<Query[Key], undefined> } {
  const entries = Object.entries(query).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [Key in keyof Query]: Exclude<Query[Key], undefined> };
}

function named(name: string, { rows, ...rest }: { rows: readonly unknown[]; nextCursor?: string }) {
  return { [name]: rows, ...rest };
}

function redisAway(): never {
  throw new ApiError(503, 'REDIS_UNAVAILABLE', 'Redis cannot be reached; try again, or see the overview.');
}

function missingPlan(): never {
  throw notFound('a plan');
}

function missingPolicy(): never {
  throw new ApiError(500, 'STORE_DAMAGED', 'The store has no retention policy; type: npx filefleet verify.');
}
