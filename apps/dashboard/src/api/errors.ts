// Every failure of the API as `{error: {code, message}}`. Messages of the store are shown only where they are about what was
// asked for; what is about disks and paths is said in words of our own, and stays in the log.

import { isStoreError, type StoreErrorCode } from '@filefleet/store';
import { z } from 'zod';
import { visible } from '../visible.ts';

export const errorSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export interface Failure {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  /** For the log only. */
  readonly reason?: string;
}

const asked: Partial<Record<StoreErrorCode, number>> = {
  FILE_NOT_FOUND: 404,
  FILE_DELETED: 410,
  CURSOR_INVALID: 400,
  LIMIT_INVALID: 400,
};

const ours: Partial<Record<StoreErrorCode, readonly [status: number, message: string]>> = {
  CONTENT_DAMAGED: [
    500,
    'The bytes of this file are not the ones that were stored; restore them from a backup.',
  ],
  CONTENT_MISSING: [500, 'The bytes of this file are not there; restore them from a backup.'],
  CONTENT_NOT_IMPORTED: [500, 'This file was adopted without its bytes; import them.'],
  NOT_INITIALIZED: [503, 'There is no store here yet; start the writer once.'],
  SCHEMA_NEWER: [503, 'The store is newer than this program; upgrade the dashboard.'],
  STORAGE_BUSY: [503, 'The store cannot be read just now; try again.'],
};

/** What is said about an error, and with which status. */
export function failureOf(error: unknown): Failure {
  if (error instanceof ApiError) return error;
  if (isStoreError(error)) return failureOfStore(error.code, error.message);
  const { statusCode, code, validation, message } = error as {
    statusCode?: number;
    code?: string;
    validation?: unknown;
    message?: string;
  };
  if (validation) return { status: 400, code: 'REQUEST_INVALID', message: String(visible(message ?? '')) };
  if (statusCode !== undefined && statusCode < 500) {
    return { status: statusCode, code: code ?? 'REQUEST_INVALID', message: String(visible(message ?? '')) };
  }
  return {
    status: 500,
    code: 'INTERNAL',
    message: 'Something went wrong; the log says what.',
    reason: String(error),
  };
}

function failureOfStore(code: StoreErrorCode, message: string): Failure {
  const status = asked[code];
  if (status !== undefined) return { status, code, message: String(visible(message)) };
  const [own, words] = ours[code] ?? [503, 'The store cannot be read; the log of the dashboard says why.'];
  return { status: own, code, message: words, reason: message };
}

export function notFound(what: string): ApiError {
  return new ApiError(404, 'NOT_FOUND', `expected ${what} with this id, got none; list them`);
}

/** Nobody hears it; it ends work that nobody waits for. */
export function clientGone(): ApiError {
  return new ApiError(499, 'CLIENT_GONE', 'expected the client to wait, got one that left');
}
