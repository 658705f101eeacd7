// Files for the store from a form of our pages: several at once, into one session, by the same way as the API. Ends with the
// page that it came from and a sentence about what was stored. A script that shows how far it is asks for the address as JSON.

import multipart from '@fastify/multipart';
import type { AppliedReceipt } from '@filefleet/client';
import { visibleName } from '@filefleet/protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ActionError, assertFresh } from '../actions/action-error.ts';
import { ApiError } from '../api/errors.ts';
import { listUrl } from '../files/list-query.ts';
import { sessionUrl } from '../files/parts.ts';
import { leaveFlash } from '../pages/frame.ts';
import type { Flash } from '../pages/layout.ts';
import { bytesText, some } from '../pages/show.ts';
import { cameFrom } from '../problems.ts';
import { hasCsrf } from './csrf.ts';
import { idInForm } from './idempotency.ts';
import type { UploadLimits } from './limits.ts';
import { type FormFields, type FormFile, receiveForm } from './receive-form.ts';
import { type SendParts, send } from './send.ts';
import type { UploadParts } from './upload-route.ts';

/** How long a page waits for the writer, in milliseconds. */
const patienceMs = 10_000;

export function registerUploadForm(scope: FastifyInstance, parts: UploadParts): void {
  scope.register(async (uploads) => {
    uploads.removeAllContentTypeParsers();
    await uploads.register(multipart);
    uploads.addContentTypeParser('*', (_request, _body, done) => done(null)); // read by the handler, piece by piece
    const config = { bodyMs: parts.limits.bodyMs };
    uploads.post('/files', { bodyLimit: Number.MAX_SAFE_INTEGER, config }, (request, reply) =>
      takeForm(parts, request, reply),
    );
  });
}

async function takeForm(parts: UploadParts, request: FastifyRequest, reply: FastifyReply) {
  try {
    const done = await parts.places.take();
    try {
      const form = await readForm(parts, request, reply);
      const ends = await storeAll(parts, request, form);
      return answer(request, reply, backTo(request, form.sessionId), ...outcome(ends));
    } finally {
      done();
    }
  } catch (error) {
    return answer(request, reply, cameFrom(request), 'bad', sentenceOf(error, parts.limits));
  }
}

interface Form {
  readonly sessionId: string;
  /** Of the form: its files get ids that follow from it, so that the same form sent again is the same operations. */
  readonly operationId: string;
  readonly files: readonly FormFile[];
}

/** @throws ApiError, ActionError */
async function readForm(parts: UploadParts, request: FastifyRequest, reply: FastifyReply): Promise<Form> {
  if (!request.isMultipart()) throw new ApiError(415, 'FORM_INVALID', 'This takes a form with files.');
  let form: Omit<Form, 'files'> | undefined;
  const check = async ({ _csrf, operation, session = '' }: FormFields) => {
    if (!(await hasCsrf(request, reply, _csrf))) throw new ApiError(403, 'TOKEN_WRONG', tooOld);
    assertFresh(operation, parts.now());
    if (session === '') throw new ApiError(422, 'SESSION_MISSING', 'Say which session the files belong to.');
    form = { sessionId: session, operationId: operation };
  };
  const files = await receiveForm(request, parts.folder, parts.limits, check);
  if (!form) throw new Error('expected every form to be checked');
  if (files.length === 0)
    throw new ApiError(422, 'FILE_MISSING', 'No file was chosen, so nothing was stored.');
  return { ...form, files };
}

const tooOld = 'That page was open for too long, so nothing was stored. Please try again.';

interface End {
  readonly filename: string;
  readonly receipt?: AppliedReceipt;
  readonly error?: ActionError;
}

/** One operation for each file, at once: the writer commits them together. */
async function storeAll(parts: UploadParts, request: FastifyRequest, form: Form): Promise<readonly End[]> {
  const { person } = request;
  if (!person) throw new Error('expected the guard to let only people use forms');
  const receiptMs = Math.min(patienceMs, parts.limits.receiptMs);
  const sending: SendParts = { ...parts, limits: { receiptMs } };
  return Promise.all(
    form.files.map(async (file, index) => {
      const { filename, mimeType } = file;
      const fields = { sessionId: form.sessionId, filename, ...(mimeType && { mimeType }) };
      const id = idInForm(form.operationId, [index, form.sessionId, filename, file.digest]);
      try {
        return { filename, receipt: await send(sending, person, id, fields, file) };
      } catch (error) {
        if (error instanceof ActionError) return { filename, error };
        throw error;
      }
    }),
  );
}

/** What became of the files, in a few sentences. */
function outcome(ends: readonly End[]): [Flash['kind'], string] {
  const stored = ends.filter(({ receipt }) => receipt);
  const [refused] = ends.filter(({ error }) => error && !error.isUnderWay);
  const waiting = ends.filter(({ error }) => error?.isUnderWay);
  const said = [
    stored.length > 0 && storedSentence(stored, ends.length),
    refused?.error && `${visibleName(refused.filename)}: ${refused.error.message}`,
    waiting.length > 0 &&
      `${some(waiting.length, 'file')} wait in the queue for the writer, for an hour; they appear here once it has stored them.`,
  ].filter((sentence) => sentence !== false && sentence !== undefined);
  return [refused ? 'bad' : waiting.length > 0 ? 'slow' : 'good', said.join(' ')];
}

function storedSentence(stored: readonly End[], all: number): string {
  const [first] = stored;
  if (all > 1)
    return `Stored ${stored.length === all ? some(all, 'file') : `${stored.length} of ${all} files`}.`;
  const known = first?.receipt?.deduplicated ? ' Its bytes were here already, so they are shared.' : '';
  return `Stored ${visibleName(first?.filename ?? '')}, in commit ${first?.receipt?.commitSequence}.${known}`;
}

/** The page that it came from, at its beginning, where the new files are. */
function backTo(request: FastifyRequest, sessionId: string): string {
  return cameFrom(request).startsWith('/sessions/') ? sessionUrl(sessionId) : listUrl({ session: sessionId });
}

function sentenceOf(error: unknown, { fileBytes, totalBytes, formFiles }: UploadLimits): string {
  if (error instanceof ActionError) return error.message;
  if (!(error instanceof ApiError)) throw error;
  const nothing = 'so nothing was stored';
  const sentences: Readonly<Record<string, string>> = {
    FILE_TOO_LARGE: `A file may have ${bytesText(fileBytes)} at most. One had more, ${nothing}.`,
    FORM_TOO_LARGE: `Files may have ${bytesText(totalBytes)} together. These had more, ${nothing}.`,
    FILES_TOO_MANY: `At most ${formFiles} files can come at once. These were more, ${nothing}.`,
    BODY_STALLED: `The files stopped coming, ${nothing}. Try again.`,
    FORM_INVALID: `The form did not arrive as it was sent, ${nothing}. Try again.`,
    INCOMING_FULL: `Too many uploads wait for the writer, ${nothing}. Try again when it has taken some.`,
    DISK_FULL: `There is no room on the disk of the store, ${nothing}.`,
    UPLOADS_UNAVAILABLE: `The folder for uploads is not there or not open for the dashboard, ${nothing}. Start the writer once, which makes it.`,
    BUSY: `Too many uploads at once, ${nothing}. Try again in a moment.`,
  };
  return sentences[error.code] ?? error.message;
}

/** A form gets the page; the script that sent it in its place goes there by itself. */
function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  url: string,
  kind: Flash['kind'],
  text: string,
): FastifyReply {
  leaveFlash(reply, kind, text);
  const isScript = request.headers.accept === 'application/json';
  return isScript ? reply.send({ goTo: url }) : reply.redirect(url, 303);
}
