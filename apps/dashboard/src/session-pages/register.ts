// The routes of sessions and of plans, for people. Reads through the door of the store, changes through the queue.

import { setTimeout as wait } from 'node:timers/promises';
import { isOperationId } from '@filefleet/protocol';
import type { PlanFacts } from '@filefleet/store';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ActionError } from '../actions/action-error.ts';
import { type FormBody, registerFormAction } from '../actions/form-action.ts';
import { notFound } from '../api/errors.ts';
import { sessionUrl } from '../files/parts.ts';
import type { PageParts } from '../page-parts.ts';
import { pageScope } from '../page-scope.ts';
import { frameOf, sendPage } from '../pages/frame.ts';
import { isListState, sessionListPage } from './list-page.ts';
import { goesForGood, isPassing, planPage, planUrl } from './plan-page.ts';
import { sessionPage } from './session-page.ts';

/** Files of a session on one page. */
const pageFiles = 200;
/** Rows of a plan that are shown. */
const planRows = 100;
/** A plan that is nearly done is waited for, so that few see it in between. */
const planPatienceMs = 800;
const planLookMs = 40;

export function registerSessions(app: FastifyInstance, parts: PageParts): void {
  pageScope(app, parts.emit, { 404: 'No such session' }, (scope) => {
    scope.get('/sessions', (request, reply) => listSessions(parts, request, reply));
    scope.get('/sessions/:sessionId', (request, reply) => showSession(parts, request, reply));
    registerSessionActions(scope, parts);
  });
  pageScope(app, parts.emit, { 404: 'No such plan' }, (scope) => {
    scope.get('/plans/:planId', (request, reply) => showPlan(parts, request, reply));
    registerPlanActions(scope, parts);
  });
}

type Query = Readonly<Record<string, unknown>>;
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

function listSessions(parts: PageParts, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const asked = request.query as Query;
  const prefix = textOf(asked.prefix);
  const state = isListState(asked.state) ? asked.state : '';
  const cursor = textOf(asked.cursor);
  const page = parts.api.view(request).sessions({
    ...(prefix !== '' && { prefix }),
    ...(state === 'held' && { hold: true }),
    ...((state === 'live' || state === 'ended') && { state }),
    ...(cursor !== '' && { cursor }),
  });
  const query = { prefix, state, ...(cursor !== '' && { cursor }) };
  return sendPage(reply, sessionListPage({ ...frameOf(request, reply), ...page, query, nowMs: parts.now() }));
}

function showSession(parts: PageParts, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const view = parts.api.view(request);
  const session = view.session(sessionIdOf(request));
  const cursor = textOf((request.query as Query).cursor);
  const files = view.sessionFiles(session.sessionId, {
    limit: pageFiles,
    includeDeleted: true,
    ...(cursor !== '' && { cursor }),
  });
  const policy = view.fleet.getRetention();
  if (!policy) throw notFound('a policy of retention');
  const { limits } = parts.uploads;
  const frame = frameOf(request, reply);
  return sendPage(reply, sessionPage({ ...frame, session, policy, files, limits, nowMs: parts.now() }));
}

const sessionIdOf = (request: FastifyRequest): string => (request.params as { sessionId: string }).sessionId;
const backToSession = (request: FastifyRequest): string => sessionUrl(sessionIdOf(request));

/** A reason as the form has it; none when it is left empty. */
function reasonOf({ reason }: FormBody): { reason?: string } {
  const text = textOf(reason).trim();
  return text === '' ? {} : { reason: text };
}

function registerSessionActions(scope: FastifyInstance, parts: PageParts): void {
  const sessionOf = (request: FastifyRequest) =>
    parts.api.view(request).session(sessionIdOf(request)).sessionId;
  registerFormAction(
    scope,
    parts,
    '/sessions/:sessionId/hold',
    (request, body) => ({
      name: 'session-hold',
      fields: { sessionId: sessionOf(request), hold: body.hold === 'yes', ...reasonOf(body) },
      back: backToSession(request),
      done: () =>
        body.hold === 'yes'
          ? 'Held: nothing of this session is cleaned up or purged.'
          : 'Released: retention goes on from where it stood.',
    }),
    backToSession,
  );
  registerFormAction(
    scope,
    parts,
    '/sessions/:sessionId/end',
    (request) => ({
      name: 'session-end',
      fields: { sessionId: sessionOf(request) },
      back: backToSession(request),
      done: () => 'Ended: the clock of its retention runs. Any operation in it makes it active again.',
    }),
    backToSession,
  );
  registerFormAction(
    scope,
    parts,
    '/sessions/:sessionId/restore',
    (request) => ({
      name: 'session-restore',
      fields: { sessionId: sessionOf(request) },
      back: backToSession(request),
      done: ({ files = 0 }) => `Restored ${files} ${files === 1 ? 'file' : 'files'}.`,
    }),
    backToSession,
  );
  for (const [path, mode] of [
    ['cleanup', 'soft'],
    ['purge', 'hard'],
  ] as const) {
    registerFormAction(
      scope,
      parts,
      `/sessions/:sessionId/${path}`,
      (request) => ({
        name: 'plan-make',
        fields: { plan: { kind: 'cleanup' as const, mode, sessionId: sessionOf(request) } },
        back: ({ operationId }) => planUrl(operationId),
        done: () => 'This is what would go. Nothing has gone yet.',
      }),
      backToSession,
    );
  }
}

async function showPlan(
  parts: PageParts,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const planId = planIdOf(request);
  const plan = await settledPlan(() => planOf(parts, request, planId));
  const rows = parts.api.view(request).fleet.listPlanRows(planId, { limit: planRows });
  return sendPage(reply, planPage({ ...frameOf(request, reply), plan, rows, nowMs: parts.now() }));
}

async function settledPlan(read: () => PlanFacts): Promise<PlanFacts> {
  for (let looks = planPatienceMs / planLookMs; looks > 0; looks--) {
    const plan = read();
    if (!isPassing(plan)) return plan;
    await wait(planLookMs);
  }
  return read();
}

function planIdOf(request: FastifyRequest): string {
  const { planId } = request.params as { planId: string };
  if (isOperationId(planId)) return planId;
  throw notFound('a plan');
}

function planOf(parts: PageParts, request: FastifyRequest, planId: string): PlanFacts {
  const plan = parts.api.view(request).fleet.getPlan(planId);
  if (!plan) throw notFound('a plan of the last day');
  return plan;
}

function registerPlanActions(scope: FastifyInstance, parts: PageParts): void {
  const back = (request: FastifyRequest) => planUrl(planIdOf(request));
  for (const [path, mayTakeForGood] of [
    ['apply', false],
    ['apply-for-good', true],
  ] as const) {
    registerFormAction(
      scope,
      parts,
      `/plans/:planId/${path}`,
      (request) => {
        const plan = planOf(parts, request, planIdOf(request));
        if (goesForGood(plan) && !mayTakeForGood) throw needsAdmin();
        return {
          name: 'plan-apply',
          fields: { planId: plan.planId },
          back: back(request),
          done: () => 'Taken up: the writer checks it, then applies it.',
        };
      },
      back,
    );
  }
}

function needsAdmin(): ActionError {
  const message =
    'Nothing was changed: what this plan takes cannot be had back, so applying it needs the role admin.';
  return new ActionError('INVALID', message, { status: 403 });
}
