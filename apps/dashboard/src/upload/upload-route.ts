// Files for the store over HTTP, for agents without our client and for people: one request, one file, and the answer is the
// receipt. The bytes go to the folder `incoming` of this machine; what goes through the queue is their name.

import multipart from '@fastify/multipart';
import { incomingDir, incomingLifeMs } from '@filefleet/store';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { apiRoot } from '../access.ts';
import { ActionError } from '../actions/action-error.ts';
import type { Actions, Actor } from '../actions/actions.ts';
import { ApiError, errorSchema, notFound } from '../api/errors.ts';
import { ids } from '../api/schemas.ts';
import { Turns } from '../api/turns.ts';
import type { View } from '../api/view.ts';
import { bodies, headers, pending, query, refuse, type Stored, stored } from './answers.ts';
import { hasCsrf } from './csrf.ts';
import { describeFile } from './fields.ts';
import { operationIdOf } from './idempotency.ts';
import { IncomingFolder } from './incoming-folder.ts';
import type { UploadLimits } from './limits.ts';
import { type Received, receive } from './receive.ts';
import { send } from './send.ts';

export interface UploadParts {
  readonly folder: IncomingFolder;
  readonly limits: UploadLimits;
  readonly places: Turns;
  readonly actions: Actions;
  /** Wall clock in milliseconds. */
  readonly now: () => number;
  view(request: FastifyRequest): View;
}

/** Also takes away what an earlier run left. */
export function makeUploadParts(
  options: Pick<UploadParts, 'actions' | 'limits' | 'now' | 'view'> & { readonly dataDir: string },
): UploadParts {
  const { dataDir, actions, limits, now, view } = options;
  const folder = new IncomingFolder(incomingDir(dataDir), limits);
  folder.sweep().catch(() => undefined); // there is none before the first writer; each upload sweeps again
  const { atOnce, waiting, patienceMs } = limits;
  return { folder, limits, actions, now, view, places: new Turns({ atOnce, waiting, patienceMs }) };
}

/** A client that is told no while it is still sending may go on for this long, in milliseconds, to read the answer. */
const lingerMs = 3_000;
const route = '/sessions/:sessionId/files';

export async function registerUpload(scope: FastifyInstance, parts: UploadParts): Promise<void> {
  await scope.register(async (uploads) => {
    uploads.removeAllContentTypeParsers();
    await uploads.register(multipart);
    uploads.addContentTypeParser('*', (_request, _body, done) => done(null)); // read by the handler, piece by piece
    uploads.addHook('onResponse', async ({ raw }) => {
      if (raw.complete === false) setTimeout(() => raw.destroy(), lingerMs).unref();
    });
    uploads.post(
      route,
      {
        bodyLimit: Number.MAX_SAFE_INTEGER,
        config: { bodies, bodyMs: parts.limits.bodyMs },
        schema: {
          summary: 'Stores a file: `curl -F file=@shot.png`, or its bytes alone with `?filename=`.',
          params: ids.session,
          querystring: query,
          headers,
          response: { 201: stored, 202: pending, '4xx': errorSchema, '5xx': errorSchema },
        },
      },
      (request, reply) => upload(parts, request, reply),
    );
  });
}

async function upload(parts: UploadParts, request: FastifyRequest, reply: FastifyReply) {
  const { sessionId } = request.params as { sessionId: string };
  assertReach(request, sessionId);
  const done = await parts.places.take();
  let received: Received | undefined;
  try {
    received = await receive(request, parts.folder, parts.limits);
    await assertCsrf(request, reply, received.fields._csrf);
    return await store(parts, request, reply, sessionId, received);
  } finally {
    await received?.draft.discard(); // unless it was kept
    done();
  }
}

/** A token that is limited to sessions has no others: not even to put something there. */
function assertReach({ token }: FastifyRequest, sessionId: string): void {
  if (token?.sessionPrefix === undefined || sessionId.startsWith(token.sessionPrefix)) return;
  throw notFound('a session');
}

/** Who comes with the cookie of a login comes from a page of ours, which has the token. @throws ApiError TOKEN_WRONG */
async function assertCsrf(
  request: FastifyRequest,
  reply: FastifyReply,
  token: string | undefined,
): Promise<void> {
  if (request.sessionId === null || (await hasCsrf(request, reply, token))) return;
  throw new ApiError(403, 'TOKEN_WRONG', crossPage);
}

const crossPage =
  'expected the token of a page of ours in the field _csrf, got none or another; open the page again, or use HTTP Basic from a script';

async function store(
  parts: UploadParts,
  request: FastifyRequest,
  reply: FastifyReply,
  sessionId: string,
  { draft, fields, partName, mimeType }: Received,
) {
  const described = describeFile(fields, partName, mimeType);
  const actor = actorOf(request, fields.uploader);
  const key = fields.operation ?? asText(request.headers['idempotency-key']);
  const operationId = operationIdOf(key, { caller: callerOf(request), sessionId }, parts.now(), (id) =>
    isThere(() => parts.view(request).operation(id)),
  );
  const brought = await draft.keep();
  try {
    const receipt = await send(parts, actor, operationId, { sessionId, ...described }, brought);
    reply.code(201).header('location', `${apiRoot}/files/${operationId}`);
    return { file: lookAt(() => parts.view(request).file(operationId)), receipt } satisfies Stored;
  } catch (error) {
    if (!(error instanceof ActionError)) throw error;
    if (!error.isUnderWay) refuse(error);
    const ask = `${apiRoot}/operations/${operationId}`;
    const keptUntilMs = parts.now() + incomingLifeMs;
    reply.code(202).header('location', ask).header('retry-after', 2);
    return { operationId, state: 'pending', ask, keptUntilMs };
  }
}

function isThere(look: () => unknown): boolean {
  try {
    look();
    return true;
  } catch (error) {
    if (error instanceof ApiError) return false;
    throw error;
  }
}

/** The receipt is what was asked for; a store that cannot be read just now does not take it back. */
function lookAt(look: () => unknown): Stored['file'] {
  try {
    return look() as Stored['file'];
  } catch {
    return null;
  }
}

/** Whoever is said to have uploaded it, the history names who sent it. */
function actorOf(request: FastifyRequest, uploader: string | undefined): Actor {
  const { name } = senderOf(request);
  return { name: uploader ? `${uploader} via ${name}` : name };
}

const callerOf = (request: FastifyRequest): string =>
  `${request.token ? 'token' : 'person'} ${senderOf(request).name}`;

function senderOf({ person, token }: FastifyRequest): Actor {
  const sender = token ?? person;
  if (!sender) throw new Error('expected the guard to let only somebody with a name act');
  return sender;
}

const asText = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header.join(', ') : header;
