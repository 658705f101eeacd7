// The routes of operations, for people: lists, look-up, one at a time and many at once.

import type { AppliedReceipt } from '@filefleet/client';
import { isOperationId } from '@filefleet/protocol';
import type { DeadLetter, QuarantinedJob, StoreReader } from '@filefleet/store';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { assertFresh } from '../actions/action-error.ts';
import { type FormBody, redirectWithFailure, registerFormAction } from '../actions/form-action.ts';
import { notFound } from '../api/errors.ts';
import { fileUrl } from '../files/parts.ts';
import type { PageParts } from '../page-parts.ts';
import { pageScope } from '../page-scope.ts';
import { frameOf, redirectWithFlash, sendPage } from '../pages/frame.ts';
import { BulkRuns, type Deed } from './bulk.ts';
import { bulkAskPage, bulkRunPage, bulkUrl } from './bulk-page.ts';
import { type Asked, askedUrl, readAsked } from './filter.ts';
import { operationsPage } from './list-page.ts';
import { lookUp } from './look-up.ts';
import { isKnown, lookUpPage } from './look-up-page.ts';
import { operationUrl } from './parts.ts';

/** Entries of a page. */
const pageEntries = 25;

type Query = Readonly<Record<string, unknown>>;
const asQuery = (value: unknown): Query => (value ?? {}) as Query;

export function registerOperations(app: FastifyInstance, parts: PageParts): void {
  const runs = new BulkRuns(parts.actions, parts.now, parts.isCurrent);
  app.addHook('onClose', async () => runs.close());
  pageScope(app, parts.emit, { 404: 'No such operation' }, (scope) => {
    scope.get('/operations', (request, reply) => showList(parts, request, reply));
    scope.get('/operations/:operationId', (request, reply) => showOne(parts, request, reply));
    registerEntryActions(scope, parts);
    registerBulk(scope, parts, runs);
  });
}

const readerOf = (parts: PageParts, request: FastifyRequest): StoreReader => parts.api.view(request).fleet;

function showList(parts: PageParts, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { id, cursor } = asQuery(request.query);
  if (typeof id === 'string' && id.trim() !== '')
    return reply.redirect(operationUrl(id.trim().toLowerCase()), 303);
  const asked = readAsked(asQuery(request.query));
  const { refused } = readerOf(parts, request);
  const options = {
    ...asked.filter,
    limit: pageEntries,
    ...(typeof cursor === 'string' && cursor !== '' && { cursor }),
  };
  const isRefused = asked.tab === 'refused';
  const letters = isRefused ? refused.page(options) : { rows: [] as DeadLetter[] };
  const jobs = isRefused ? { rows: [] as QuarantinedJob[] } : refused.pageQuarantine(options);
  return sendPage(
    reply,
    operationsPage({
      ...frameOf(request, reply),
      asked,
      letters: letters.rows.map((letter) => ({ ...letter, bytes: refused.bytesOf(letter) })),
      jobs: jobs.rows.map((job) => ({ ...job, bytes: refused.bytesOfJob(job) })),
      nextCursor: isRefused ? letters.nextCursor : jobs.nextCursor,
      found: countOf(refused, asked),
      totals: { refused: refused.count(), quarantine: refused.countQuarantine() },
      nowMs: parts.now(),
    }),
  );
}

const countOf = (refused: StoreReader['refused'], { tab, filter }: Asked) =>
  tab === 'refused' ? refused.count(filter) : refused.countQuarantine(filter);

async function showOne(
  parts: PageParts,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { operationId } = request.params as { operationId: string };
  if (!isOperationId(operationId)) throw notFound('an operation');
  const { queue, redis } = parts;
  const place = { reader: readerOf(parts, request), queue, isRedisReady: redis.status === 'ready' };
  const found = await lookUp(place, operationId);
  const facts = { ...frameOf(request, reply), ...found, nowMs: parts.now() };
  return sendPage(reply, lookUpPage(facts), isKnown(found) ? 200 : 404);
}

/** The list that the form was in; a form of one operation alone goes to the list of its kind. */
const listOf = (body: FormBody, tab: string): string => askedUrl(readAsked({ tab, ...body }));

function registerEntryActions(scope: FastifyInstance, parts: PageParts): void {
  const letterOf = (request: FastifyRequest) => (request.params as { deadLetterId: string }).deadLetterId;
  const jobOf = (request: FastifyRequest) =>
    Number((request.params as { quarantineId: string }).quarantineId);
  const backToList = (tab: string) => (request: FastifyRequest) => listOf(asQuery(request.body), tab);
  const [toRefused, toQuarantine] = [backToList('refused'), backToList('quarantine')];
  const retried = ({ fileId, commitSequence }: AppliedReceipt) =>
    `Retried and applied, in commit ${commitSequence}${fileId === undefined ? '' : `: see ${fileUrl(fileId)}`}.`;
  registerFormAction(
    scope,
    parts,
    '/operations/dead-letters/:deadLetterId/retry',
    (request) => ({
      name: 'dead-letter-retry',
      fields: { deadLetterId: letterOf(request) },
      retryOf: letterOf(request),
      back: toRefused(request),
      done: retried,
    }),
    toRefused,
  );
  registerFormAction(
    scope,
    parts,
    '/operations/dead-letters/:deadLetterId/dismiss',
    (request) => ({
      name: 'dead-letter-dismiss',
      fields: { deadLetterIds: [letterOf(request)] },
      back: toRefused(request),
      done: () => 'Dismissed. The audit remembers it.',
    }),
    toRefused,
  );
  registerFormAction(
    scope,
    parts,
    '/operations/quarantine/:quarantineId/retry',
    (request) => ({
      name: 'quarantine-retry',
      fields: { quarantineId: jobOf(request) },
      back: toQuarantine(request),
      done: retried,
    }),
    toQuarantine,
  );
  registerFormAction(
    scope,
    parts,
    '/operations/quarantine/:quarantineId/dismiss',
    (request) => ({
      name: 'quarantine-dismiss',
      fields: { quarantineIds: [jobOf(request)] },
      back: toQuarantine(request),
      done: () => 'Dismissed. The audit remembers it.',
    }),
    toQuarantine,
  );
}

const deedOf = ({ deed }: Query): Deed => (deed === 'dismiss' ? 'dismiss' : 'retry');

function registerBulk(scope: FastifyInstance, parts: PageParts, runs: BulkRuns): void {
  scope.get('/operations/bulk', async (request, reply) => {
    const asked = readAsked(asQuery(request.query));
    const deed = deedOf(asQuery(request.query));
    const found = countOf(readerOf(parts, request).refused, asked);
    return sendPage(
      reply,
      bulkAskPage({ ...frameOf(request, reply), asked, deed, found, nowMs: parts.now() }),
    );
  });

  scope.post('/operations/bulk', { preHandler: scope.csrfProtection }, async (request, reply) => {
    const body = asQuery(request.body);
    const asked = readAsked(body);
    const { operation: bulkId } = body;
    try {
      assertFresh(bulkId, parts.now());
      const facts = { bulkId, tab: asked.tab, deed: deedOf(body) };
      runs.begin(actorOf(request), facts, readerOf(parts, request), asked.filter);
      return reply.redirect(bulkUrl(bulkId), 303);
    } catch (error) {
      return redirectWithFailure(reply, askedUrl(asked), error);
    }
  });

  const runOf = (request: FastifyRequest) => {
    const run = runs.find((request.params as { bulkId: string }).bulkId);
    if (!run) throw notFound('a run of late');
    return run;
  };
  scope.get('/operations/bulk/:bulkId', async (request, reply) =>
    sendPage(reply, bulkRunPage({ ...frameOf(request, reply), run: runOf(request), nowMs: parts.now() })),
  );
  scope.post(
    '/operations/bulk/:bulkId/stop',
    { preHandler: scope.csrfProtection },
    async (request, reply) => {
      const run = runOf(request);
      runs.stop(run);
      return redirectWithFlash(
        reply,
        bulkUrl(run.bulkId),
        'good',
        'Stopped. What was not reached stays in the list.',
      );
    },
  );
}

function actorOf({ person }: FastifyRequest): { name: string } {
  if (!person) throw new Error('expected the guard to let only people act, got nobody');
  return person;
}
