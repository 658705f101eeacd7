// What an upload is answered, as schemas for answers and document, and how the failures of its operation are said.

import type { AppliedReceipt } from '@filefleet/client';
import { receiptSchema } from '@filefleet/protocol';
import { z } from 'zod';
import type { ActionError } from '../actions/action-error.ts';
import { ApiError } from '../api/errors.ts';
import { file } from '../api/schemas.ts';
import { fieldNames } from './fields.ts';

export const stored = z.object({
  file: file.nullable().describe('As it is now; null when it is gone since, after a repeated upload.'),
  receipt: receiptSchema.describe('Bytes and row are on the disk of the store.'),
});

export const pending = z.object({
  operationId: z.string(),
  state: z.literal('pending'),
  ask: z.string().describe('Where to ask: 404 until the operation is settled.'),
  keptUntilMs: z.int().describe('Until then the bytes wait for the writer; after that, send them again.'),
});

export type Stored = z.input<typeof stored> & { readonly receipt: AppliedReceipt };

const text = z.string().optional();
export const query = z.strictObject({
  filename: text.describe('Name of the file, where no part names it.'),
  messageId: text,
  metadata: text.describe('A JSON object of texts.'),
  uploader: text.describe('On whose behalf; the history says `<uploader> via <who sent it>`.'),
});

export const headers = z.object({
  'idempotency-key': z
    .string()
    .optional()
    .describe('A UUIDv7, or any text: the same key again is the same upload, and gets the first receipt.'),
});

const described = Object.fromEntries(fieldNames.map((name) => [name, { type: 'string' }]));
const binary = { type: 'string', format: 'binary' };

/** For the document alone: bodies are not parsed by Fastify. */
export const bodies = Object.freeze({
  'multipart/form-data': {
    schema: { type: 'object', required: ['file'], properties: { file: binary, ...described } },
  },
  'application/octet-stream': { schema: binary },
});

/** @throws ApiError */
export function refuse(error: ActionError): never {
  const { code, operationId } = error;
  const about = operationId === undefined ? '' : ` (operation ${operationId})`;
  if (code === 'GIVEN_UP') {
    throw new ApiError(
      503,
      'CONTENT_MISSING',
      `expected the writer to find the bytes, got none; send them again, with the same Idempotency-Key${about}`,
    );
  }
  if (code === 'INVALID') throw new ApiError(422, 'REQUEST_INVALID', error.message);
  if (error.status === 409) {
    const status = code === 'CONFLICT' || code === 'RECEIPT_EXPIRED' ? 409 : 422;
    throw new ApiError(status, code, `${error.message}${about}`);
  }
  throw new ApiError(error.status, code, error.message);
}
