// The routes of the pages of files: the list, one file, its bytes for the browser's own eyes and for taking along, and what
// operators do with it.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { registerFormAction } from '../actions/form-action.ts';
import { giveContent } from '../api/content.ts';
import { notFound } from '../api/errors.ts';
import type { PageParts } from '../page-parts.ts';
import { pageScope } from '../page-scope.ts';
import { frameOf, sendPage } from '../pages/frame.ts';
import { registerUploadForm } from '../upload/form-route.ts';
import { readFileFacts, readPurged } from './file-facts.ts';
import { filePage } from './file-page.ts';
import { readList } from './list-facts.ts';
import { listPage } from './list-page.ts';
import { purgedPage } from './purged-page.ts';

type Query = Readonly<Record<string, unknown>>;

/** Sessions that are offered to whoever brings a file. */
const latelyUsed = 20;

export function registerFiles(app: FastifyInstance, parts: PageParts): void {
  const { api, emit } = parts;
  pageScope(app, emit, titles, (scope) => {
    scope.get('/files', async (request, reply) => {
      const view = api.view(request);
      const facts = await readList(api, view, request.query as Query);
      const lately = view.sessions({ limit: latelyUsed }).sessions.map(({ sessionId }) => sessionId);
      const { limits } = parts.uploads;
      const frame = frameOf(request, reply);
      return sendPage(reply, listPage({ ...frame, ...facts, lately, limits, nowMs: parts.now() }));
    });
    scope.get('/files/:fileId', (request, reply) => showFile(parts, request, reply));
    scope.get('/files/:fileId/preview', (request, reply) => {
      assertFileId(request);
      return giveContent(api, request, reply, 'view');
    });
    scope.get('/files/:fileId/download', (request, reply) => {
      assertFileId(request);
      return giveContent(api, request, reply, 'download');
    });
    registerFileActions(scope, parts);
    registerUploadForm(scope, parts.uploads);
  });
}

const titles: Readonly<Record<number, string>> = {
  404: 'No such file',
  410: 'This file is deleted',
  500: 'Its bytes are not as they were stored',
};

async function showFile(
  parts: PageParts,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { api } = parts;
  const fileId = assertFileId(request);
  const view = api.view(request);
  const { audit } = request.query as Query;
  const cursor = typeof audit === 'string' ? audit : undefined;
  const nowMs = parts.now();
  const purged = readPurged(view, fileId, cursor);
  if (purged) return sendPage(reply, purgedPage({ ...frameOf(request, reply), ...purged, nowMs }), 404);
  const facts = await readFileFacts(api, view, fileId, cursor);
  if (facts.preview.kind !== 'none' && request.person) {
    parts.api.accessRecords.record(request.person.name, fileId, 'view');
  }
  return sendPage(reply, filePage({ ...frameOf(request, reply), ...facts, nowMs }));
}

function registerFileActions(scope: FastifyInstance, parts: PageParts): void {
  const back = (request: FastifyRequest) => `/files/${assertFileId(request)}`;
  const fileOf = (request: FastifyRequest) => {
    const { fileId, sessionId } = parts.api.view(request).file(assertFileId(request));
    return { fileId, sessionId };
  };
  registerFormAction(
    scope,
    parts,
    '/files/:fileId/delete',
    (request, { reason }) => ({
      name: 'file-delete',
      fields: { ...fileOf(request), ...(typeof reason === 'string' && reason !== '' && { reason }) },
      back: back(request),
      done: ({ commitSequence }) =>
        `Deleted, in commit ${commitSequence}. Its bytes are kept for a while: it can be restored.`,
    }),
    back,
  );
  registerFormAction(
    scope,
    parts,
    '/files/:fileId/restore',
    (request) => ({
      name: 'file-restore',
      fields: fileOf(request),
      back: back(request),
      done: ({ commitSequence }) => `Restored, in commit ${commitSequence}.`,
    }),
    back,
  );
}

/** @throws ApiError 404 for what can be no id of a file. */
function assertFileId(request: FastifyRequest): string {
  const { fileId } = request.params as { fileId: string };
  if (z.uuid().safeParse(fileId).success) return fileId;
  throw notFound('a file');
}
