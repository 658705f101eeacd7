// The bytes of a file over HTTP: whole or in part, re-hashed on the way out. Damaged bytes break the answer; they never end
// it well. Nothing that is stored can run in our origin: no type that runs, always a download, a sandbox around it.

import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { FileFacts } from '@filefleet/store';
import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { z } from 'zod';
import type { AccessType } from '../access-records.ts';
import { contentDisposition } from './disposition.ts';
import { ApiError, clientGone, errorSchema } from './errors.ts';
import { wantedBytes } from './range.ts';
import type { ApiParts } from './register.ts';
import { asked, ids } from './schemas.ts';

/** Types that a browser shows and never runs. All others are given as bytes without a meaning. */
const harmless =
  /^(image\/(png|jpeg|gif|webp|avif|bmp)|(audio|video)\/[\w.+-]+|text\/plain|text\/csv|application\/(pdf|json|zip|gzip))$/;
const sandbox = "sandbox; default-src 'none'";

const bytes = z.string().meta({ format: 'binary' });
const raw = (description: string) => ({
  description,
  content: { 'application/octet-stream': { schema: bytes } },
});

export function contentRoute(parts: ApiParts): RouteOptions {
  return {
    method: ['GET', 'HEAD'],
    url: '/files/:fileId/content',
    schema: {
      summary: 'The bytes of a file. Range (one), If-Match, If-None-Match, If-Range; the ETag is the digest.',
      params: ids.file,
      querystring: asked.nothing,
      response: {
        200: raw('All bytes, re-hashed on the way: an answer that ends well is right.'),
        206: raw('The part that was asked for.'),
        '4xx': errorSchema,
        '5xx': errorSchema,
      },
    },
    handler: (request, reply) => giveContent(parts, request, reply, 'download'),
  };
}

/**
 * Answers with the bytes of the file that the address names, or a part of them.
 * @param as how it stands in the file's history, once bytes go out.
 * @throws ApiError, StoreError
 */
export async function giveContent(
  parts: ApiParts,
  request: FastifyRequest,
  reply: FastifyReply,
  as: AccessType,
): Promise<FastifyReply> {
  const { fileId } = request.params as { fileId: string };
  const view = parts.view(request);
  const file = view.file(fileId);
  if (file.isDeleted)
    throw new ApiError(410, 'FILE_DELETED', 'expected a file that is not deleted; restore it first');
  const wanted = wantedBytes(conditionsOf(request), `"${file.digest}"`, file.size);
  if (wanted.kind === 'changed') {
    throw new ApiError(
      412,
      'PRECONDITION_FAILED',
      'expected the bytes to be those of If-Match, got others; ask anew',
    );
  }
  if (wanted.kind === 'beyond') {
    reply.header('content-range', `bytes */${file.size}`);
    throw new ApiError(
      416,
      'RANGE_NOT_SATISFIABLE',
      `expected a range within ${file.size} bytes; ask within`,
    );
  }
  if (wanted.kind === 'unchanged') return describe(reply, file).code(304).send();

  const done = await parts.contents.take();
  reply.raw.once('close', done);
  let stream: Readable | undefined;
  try {
    assertThere(reply);
    const part = wanted.kind === 'part' ? { range: { start: wanted.start, end: wanted.end } } : {};
    ({ stream } = await view.content(fileId, part));
    // Damage that is known before the first byte is an error with a status.
    if (request.method === 'GET') await firstBytes(stream);
    assertThere(reply);
  } catch (error) {
    stream?.destroy();
    done();
    throw error;
  }
  if (wanted.kind === 'part') {
    reply.code(206).header('content-range', `bytes ${wanted.start}-${wanted.end}/${file.size}`);
  }
  const length = wanted.kind === 'part' ? wanted.end - wanted.start + 1 : file.size;
  describe(reply, file).type(typeOf(file)).header('content-length', length);
  if (request.method === 'HEAD') {
    stream.destroy();
    return reply.send();
  }
  watch(parts, request, reply, stream, fileId);
  const by = request.person?.name ?? request.token?.name;
  if (by !== undefined) parts.accessRecords.record(by, fileId, as);
  return reply.send(stream);
}

/** Whoever left while we waited: `close` has been, and nothing that waits for it would ever end. */
function assertThere(reply: FastifyReply): void {
  if (reply.raw.destroyed) throw clientGone();
}

function conditionsOf({ headers }: FastifyRequest) {
  return {
    ifMatch: headers['if-match'],
    ifNoneMatch: headers['if-none-match'],
    ifRange: headers['if-range'] as string | undefined,
    range: headers.range,
  };
}

/** What is true of the content whoever asks, and whatever part. It may be kept, and must be asked for again: it can be deleted. */
function describe(reply: FastifyReply, file: FileFacts): FastifyReply {
  return reply
    .header('etag', `"${file.digest}"`)
    .header('accept-ranges', 'bytes')
    .header('cache-control', 'private, no-cache')
    .header('vary', 'Authorization, Cookie')
    .header('content-disposition', contentDisposition(file.filename))
    .header('content-security-policy', sandbox)
    .header('x-content-type-options', 'nosniff');
}

function typeOf({ mimeType, declaredMimeType }: FileFacts): string {
  const type = (mimeType ?? declaredMimeType ?? '').toLowerCase().split(';', 1)[0]?.trim() ?? '';
  return harmless.test(type) ? type : 'application/octet-stream';
}

async function firstBytes(stream: Readable): Promise<void> {
  if (stream.readableLength > 0 || stream.readableEnded) return;
  await once(stream, 'readable');
}

/** A client that takes nothing keeps a file open: it is cut off. What broke is written down. */
function watch(
  { emit, limits }: ApiParts,
  request: FastifyRequest,
  reply: FastifyReply,
  stream: Readable,
  fileId: string,
): void {
  stream.once('error', (error: Error) => emit('content.broken', { fileId, reason: error.message }));
  let last = -1;
  const look = setInterval(() => {
    const sent = request.raw.socket.bytesWritten - request.raw.socket.writableLength;
    if (sent === last) request.raw.socket.destroy();
    last = sent;
  }, limits.stallMs);
  reply.raw.once('close', () => {
    clearInterval(look);
    stream.destroy();
  });
}
