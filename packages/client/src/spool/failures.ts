// What a spool can fail with, as the errors that callers get.

import { ClientError } from '../errors.ts';

export const mebibyte = 1024 * 1024;

/** Errors of a disk, or of a quota, that has no room left. */
const fullCodes = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** Whether the disk, or a quota, has no room left. */
export function isFull(error: unknown): boolean {
  return fullCodes.has((error as NodeJS.ErrnoException | undefined)?.code ?? '');
}

/** What the disk said while an operation was spooled. An error of ours stays what it is. */
export function diskFailure(cause: unknown, operationId?: string): ClientError {
  if (cause instanceof ClientError) return cause;
  const facts = operationId === undefined ? {} : { operationId };
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? '';
  if (isFull(cause)) {
    return new ClientError(
      'SPOOL_FULL',
      `expected room on the disk of the spool folder, got ${code}; nothing was accepted, make room or wait until the spool has emptied`,
      facts,
      { cause },
    );
  }
  const what = cause instanceof Error ? cause.message : String(cause);
  return new ClientError(
    'SPOOL_FAILED',
    `expected the spool folder to be written and read, got ${what}; check the disk; calling again with the same operationId has one effect`,
    facts,
    { cause },
  );
}

/** @param limit what would be passed, in words. */
export function spoolFull(limit: string, operationId?: string): ClientError {
  return new ClientError(
    'SPOOL_FULL',
    `expected room in the spool, got one that holds ${limit}; nothing was accepted, wait until it has emptied or raise maxBytes`,
    operationId === undefined ? {} : { operationId },
  );
}

export function spoolInUse(folder: string, holder: string): ClientError {
  return new ClientError(
    'SPOOL_IN_USE',
    `expected the spool folder ${folder} to be free, got it held by ${holder}; use a folder of its own for each process, or shared: true`,
    {},
  );
}

export function foreignSpool(folder: string, has: string, wanted: string): ClientError {
  return new ClientError(
    'INVALID',
    `expected the spool folder ${folder} to belong to ${wanted}, got one of ${has}; its operations can only be handed over by that`,
    { field: 'spool' },
  );
}
