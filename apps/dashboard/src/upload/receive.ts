// The body of an upload, as a form or as the bytes alone, into a file of the folder `incoming`: piece by piece, hashed on
// the way, never whole in memory. A client that stops sending is given up.

import type { Multipart, MultipartFile } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { ActionError } from '../actions/action-error.ts';
import { ApiError } from '../api/errors.ts';
import { addField, type Fields, fieldBytes, fieldNames, fileMissing } from './fields.ts';
import type { IncomingDraft, IncomingFolder } from './incoming-folder.ts';
import type { UploadLimits } from './limits.ts';
import { Stall } from './stall.ts';

/** Room for boundaries, part headers and fields beside the files. */
export const formBytes = 256 * 1024;

export interface Received {
  readonly draft: IncomingDraft;
  readonly fields: Fields;
  /** As its part names it. */
  readonly partName: string | undefined;
  readonly mimeType: string | undefined;
}

/**
 * Takes the whole body. Nothing is left when it fails.
 * @throws ApiError FILE_TOO_LARGE, ENCODING_UNSUPPORTED, FORM_INVALID, BODY_STALLED, and those of fields and folder.
 */
export async function receive(
  request: FastifyRequest,
  folder: IncomingFolder,
  limits: UploadLimits,
): Promise<Received> {
  assertPlain(request);
  const isForm = request.isMultipart();
  const bytes = announcedBytes(request, isForm ? formBytes : 0, limits);
  const stall = new Stall(limits.stallMs);
  const receiving = new Receiving(folder, limits, bytes, stall);
  try {
    return isForm ? await receiving.form(request) : await receiving.raw(request);
  } catch (error) {
    await receiving.discard();
    readOn(request);
    throw asFormError(error);
  } finally {
    stall.end();
  }
}

class Receiving {
  readonly #folder: IncomingFolder;
  readonly #limits: UploadLimits;
  readonly #bytes: number;
  readonly #stall: Stall;
  #draft: IncomingDraft | undefined;

  constructor(folder: IncomingFolder, limits: UploadLimits, bytes: number, stall: Stall) {
    this.#folder = folder;
    this.#limits = limits;
    this.#bytes = bytes;
    this.#stall = stall;
  }

  async discard(): Promise<void> {
    await this.#draft?.discard();
  }

  /** The fields may stand before the file or after it. */
  async form(request: FastifyRequest): Promise<Received> {
    const fields = fieldsOfAddress(request);
    let file: MultipartFile | undefined;
    for await (const part of this.#stall.watch(
      request.parts(partLimits(this.#limits, 1, fieldNames.length + 2)),
    )) {
      if (part.type === 'file') {
        file = assertFile(part);
        await this.#fill(part.file);
        if (part.file.truncated) throw tooLarge(this.#limits);
      } else {
        addField(fields, part);
      }
    }
    if (!file || !this.#draft) throw fileMissing('none');
    return { draft: this.#draft, fields, partName: file.filename, mimeType: typeOfPart(file) };
  }

  /** Name and all else are in the address. */
  async raw(request: FastifyRequest): Promise<Received> {
    const fields = fieldsOfAddress(request);
    const draft = await this.#fill(request.raw);
    if (draft.size > this.#limits.fileBytes) throw tooLarge(this.#limits);
    return { draft, fields, partName: undefined, mimeType: declaredType(request) };
  }

  /** Reads no further once there is more than a file may have. */
  async #fill(source: AsyncIterable<Buffer>): Promise<IncomingDraft> {
    const draft = await this.#folder.begin(this.#bytes);
    this.#draft = draft;
    for await (const chunk of this.#stall.watch(source)) {
      await draft.write(chunk);
      if (draft.size > this.#limits.fileBytes) break;
    }
    return draft;
  }
}

/** @throws ApiError ENCODING_UNSUPPORTED */
export function assertPlain({ headers }: FastifyRequest): void {
  const encoding = headers['content-encoding'];
  if (encoding === undefined || encoding === 'identity') return;
  throw new ApiError(
    415,
    'ENCODING_UNSUPPORTED',
    `expected the bytes as they are, got the Content-Encoding ${encoding.slice(0, 40)}; leave it out`,
  );
}

/** So that a client that is still sending comes to read the answer. */
export function readOn({ raw }: FastifyRequest): void {
  raw.unpipe?.();
  raw.resume();
}

function fieldsOfAddress({ query }: FastifyRequest): Fields {
  const fields: Fields = {};
  for (const [fieldname, value] of Object.entries(query as Record<string, string | undefined>)) {
    if (value !== undefined) addField(fields, { fieldname, value, valueTruncated: false });
  }
  return fields;
}

/** @param files and fields that a form may have. */
export const partLimits = ({ fileBytes }: UploadLimits, files: number, fields: number) => ({
  limits: {
    fileSize: fileBytes,
    files,
    fields,
    parts: files + fields,
    fieldNameSize: 100,
    fieldSize: fieldBytes,
    headerPairs: 32,
  },
  // Names are data: kept as they came, also what looks like a path; and browsers send them as UTF-8.
  preservePath: true,
  defParamCharset: 'utf8',
});

function assertFile(part: Extract<Multipart, { type: 'file' }>): MultipartFile {
  if (part.fieldname === 'file') return part;
  throw fileMissing(
    `one in ${JSON.stringify(part.fieldname.slice(0, 60))}; send it as: curl -F file=@shot.png`,
  );
}

/** What the client says it will send, if it does, else the most that it may. @throws ApiError FILE_TOO_LARGE */
function announcedBytes({ headers }: FastifyRequest, beside: number, limits: UploadLimits): number {
  const announced = Number(headers['content-length'] ?? Number.NaN);
  if (announced > limits.fileBytes + beside) throw tooLarge(limits);
  return Number.isNaN(announced) ? limits.fileBytes : Math.min(announced, limits.fileBytes);
}

export function tooLarge({ fileBytes }: UploadLimits): ApiError {
  const message = `expected the file to be at most ${fileBytes} bytes, got more; split it into several files`;
  return new ApiError(413, 'FILE_TOO_LARGE', message);
}

/** Browsers and curl say this of bytes of which they know nothing; it is no type of theirs. */
export const typeOfPart = ({ mimetype }: MultipartFile): string | undefined =>
  mimetype === 'application/octet-stream' ? undefined : mimetype;

/** What curl says about bytes of which it knows nothing is no type of theirs. */
function declaredType({ headers }: FastifyRequest): string | undefined {
  const type = headers['content-type'];
  return type === undefined || /^application\/(octet-stream|x-www-form-urlencoded)\b/i.test(type)
    ? undefined
    : type;
}

/** Whatever the parser says is about the body; everything else has its own words already. */
export function asFormError(error: unknown): unknown {
  const hasOwnWords = error instanceof ApiError || error instanceof ActionError;
  if (hasOwnWords || (error instanceof Error && 'syscall' in error)) return error;
  const { code, message } = error as { code?: string; message?: string };
  if (code === 'FST_FILES_LIMIT') return fileMissing('several; send one after the other');
  return new ApiError(
    400,
    'FORM_INVALID',
    `expected a body of multipart/form-data with a file and a few fields, got another one (${String(message).slice(0, 100)})`,
  );
}
