// The body of a form of our pages: a few fields, then files, each into the folder `incoming`. The fields come first, so that
// who may not is told before a byte lies on the disk. All of them, or nothing.

import type { MultipartFile } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { ApiError } from '../api/errors.ts';
import type { Brought, IncomingFolder } from './incoming-folder.ts';
import type { UploadLimits } from './limits.ts';
import { asFormError, assertPlain, formBytes, partLimits, readOn, tooLarge, typeOfPart } from './receive.ts';
import { Stall } from './stall.ts';

export interface FormFile extends Brought {
  /** As the person has it; its name in the folder is `name`. */
  readonly filename: string;
  readonly mimeType: string | undefined;
}

export type FormFields = Readonly<Record<string, string | undefined>>;

/** Fields that a form may have; ours have three. */
const fieldsMax = 8;

/**
 * Takes the whole body; the files are then the caller's to remove. Nothing is left when it fails.
 * @param check told the fields before the first file; what it throws ends the reading.
 * @throws ApiError FILE_TOO_LARGE, FORM_TOO_LARGE, FILES_TOO_MANY, FORM_INVALID, BODY_STALLED, and those of the folder.
 */
export async function receiveForm(
  request: FastifyRequest,
  folder: IncomingFolder,
  limits: UploadLimits,
  check: (fields: FormFields) => Promise<void>,
): Promise<readonly FormFile[]> {
  const files: FormFile[] = [];
  const fields: Record<string, string> = Object.create(null);
  const stall = new Stall(limits.stallMs);
  let left = Number.POSITIVE_INFINITY;
  try {
    assertPlain(request);
    left = announcedBytes(request, limits);
    for await (const part of stall.watch(request.parts(partLimits(limits, limits.formFiles, fieldsMax)))) {
      if (part.type === 'field') {
        fields[part.fieldname] = String(part.value);
        continue;
      }
      if (files.length === 0) await check(fields);
      const draft = await folder.begin(Math.min(left, limits.fileBytes));
      try {
        for await (const chunk of stall.watch(part.file)) await draft.write(chunk);
        if (part.file.truncated) throw tooLarge(limits);
        left -= draft.size;
        if (isFile(part, draft.size)) {
          files.push({ ...(await draft.keep()), filename: part.filename, mimeType: typeOfPart(part) });
        }
      } finally {
        await draft.discard(); // unless it was kept
      }
    }
    if (files.length === 0) await check(fields);
    return files;
  } catch (error) {
    for (const { name } of files) await folder.remove(name);
    readOn(request);
    throw (error as { code?: string }).code === 'FST_FILES_LIMIT' ? tooMany(limits) : asFormError(error);
  } finally {
    stall.end();
  }
}

/** What the browser says it will send, with all around the files; else more than fits. @throws ApiError FORM_TOO_LARGE */
function announcedBytes({ headers }: FastifyRequest, { totalBytes }: UploadLimits): number {
  const announced = Number(headers['content-length'] ?? Number.POSITIVE_INFINITY);
  if (!Number.isFinite(announced) || announced <= totalBytes + formBytes) return announced;
  const message = `expected at most ${totalBytes} bytes at once, got more; send less at once`;
  throw new ApiError(413, 'FORM_TOO_LARGE', message);
}

/** A field in which nothing was chosen comes as a file without a name and without bytes. */
const isFile = ({ filename }: MultipartFile, size: number): boolean => filename !== '' || size > 0;

function tooMany({ formFiles }: UploadLimits): ApiError {
  return new ApiError(
    413,
    'FILES_TOO_MANY',
    `expected at most ${formFiles} files, got more; send less at once`,
  );
}
