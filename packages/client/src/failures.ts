// How calls end when they do not end with an applied receipt: the errors that more than one part of the client gives.

import type { AppliedReceipt, Receipt } from '@filefleet/protocol';
import type { Ending } from './endings.ts';
import { ClientError } from './errors.ts';

/** @throws ClientError REFUSED */
export function applied(receipt: Receipt): AppliedReceipt {
  if (receipt.outcome === 'applied') return receipt;
  const { operationId, code, message } = receipt;
  throw new ClientError(
    'REFUSED',
    `expected the operation to be applied, got the refusal ${code}${message ? `: ${message}` : ''}`,
    { operationId, refusal: code, receipt },
  );
}

/** @throws ClientError with which the operation ended. */
export function endingOf(ending: Ending): AppliedReceipt {
  if ('error' in ending) throw ending.error;
  return applied(ending.receipt);
}

/** @param spooled whether the operation lies in a spool folder. */
export function notYetDurable(operationId: string, spooled: boolean): ClientError {
  const where = spooled ? 'it lies in the spool and will be handed over, ' : '';
  return new ClientError(
    'NOT_YET_DURABLE',
    `expected a receipt before the deadline, got none yet; ${where}do not store again, ask client.receipt(operationId)`,
    { operationId, spooled },
  );
}

export function slowSource(operationId: string): ClientError {
  return new ClientError(
    'SOURCE_FAILED',
    'expected the content to be read to its end before the deadline, got an unfinished source; nothing was stored, give it a longer deadlineMs',
    { operationId },
  );
}

export function unavailable(cause: unknown, operationId?: string): ClientError {
  return new ClientError(
    'REDIS_UNAVAILABLE',
    'expected Redis to take the operation, and what comes before it in its session, before its deadline, got none that could; nothing was stored, call again later',
    operationId === undefined ? {} : { operationId },
    { cause },
  );
}

export function closedError(operationId?: string, spooled = false): ClientError {
  const spool = spooled
    ? '; the operation lies in the spool, and the next client of that folder hands it over'
    : '';
  return new ClientError(
    'CLIENT_CLOSED',
    `expected the client to be open, got one that was closed${spool || '; make a new one'}`,
    operationId === undefined ? {} : { operationId, spooled },
  );
}

export function inUse(operationId: string): ClientError {
  return new ClientError(
    'INVALID',
    'expected operationId to be used once at a time, got one that is under way; wait for it with client.receipt(operationId)',
    { operationId, field: 'operationId' },
  );
}

export function notContent(content: unknown): ClientError {
  return new ClientError(
    'INVALID',
    `expected content to be bytes, text, { path }, or a stream of bytes, got ${content === null ? 'null' : typeof content}; nothing was sent`,
    { field: 'content' },
  );
}
