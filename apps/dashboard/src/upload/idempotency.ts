// From an Idempotency-Key to an operation id, so that a repeated upload gets the first receipt.

import { createHash } from 'node:crypto';
import { isOperationId, ledgerRetentionMs, makeOperationId, operationIdTimeMs } from '@filefleet/protocol';
import { ApiError } from '../api/errors.ts';

const dayMs = 24 * 3_600_000;
/** The ledger forgets after 30 days; an id close to that may be forgotten while its file is on its way. */
const oldestMs = ledgerRetentionMs - dayMs;
const clockSlackMs = 10 * 60_000;
/** Visible ASCII, as HTTP fields are. */
const keyPattern = /^[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?$/;

export interface KeyOwner {
  /** Who sends it: the same key of somebody else is another key. */
  readonly caller: string;
  readonly sessionId: string;
}

/**
 * A UUIDv7 is the operation id itself, good for 29 days. Any other key becomes one of the day on which it is first used: it
 * holds for that day (UTC) and the next.
 * @param isSettled whether the ledger has the operation.
 * @throws ApiError IDEMPOTENCY_KEY_INVALID
 */
export function operationIdOf(
  key: string | undefined,
  owner: KeyOwner,
  nowMs: number,
  isSettled: (operationId: string) => boolean,
): string {
  if (key === undefined) return makeOperationId(nowMs);
  if (isOperationId(key)) return assertTimely(key, nowMs);
  if (!keyPattern.test(key)) {
    throw invalid('a UUIDv7 in lower case, or 1 to 255 visible characters of ASCII, got something else');
  }
  const today = Math.floor(nowMs / dayMs) * dayMs;
  const yesterdays = derivedId(key, owner, today - dayMs);
  return isSettled(yesterdays) ? yesterdays : derivedId(key, owner, today);
}

/** The time is part of the id, and the writer believes in it. */
function assertTimely(operationId: string, nowMs: number): string {
  const ageMs = nowMs - operationIdTimeMs(operationId);
  if (ageMs <= oldestMs && ageMs >= -clockSlackMs) return operationId;
  throw invalid(`a UUIDv7 of the last 29 days, got one of ${new Date(nowMs - ageMs).toISOString()}`);
}

/**
 * The id of one file of a form: the same form sent again is the same operations, and another file in it is another one.
 * @param operationId of the form. @param file all that tells its files apart.
 */
export function idInForm(operationId: string, file: readonly (string | number)[]): string {
  return hashedId(['filefleet form', operationId, ...file], operationIdTimeMs(operationId));
}

function derivedId(key: string, { caller, sessionId }: KeyOwner, atMs: number): string {
  return hashedId(['filefleet upload', caller, sessionId, key], atMs);
}

/** A UUIDv7 whose random bits are a hash. */
function hashedId(parts: readonly unknown[], atMs: number): string {
  const text = JSON.stringify(parts);
  const hash = createHash('sha256').update(text).digest('hex');
  const time = atMs.toString(16).padStart(12, '0');
  const variant = ((Number.parseInt(hash[3] ?? '0', 16) & 0x3) | 0x8).toString(16);
  return [
    time.slice(0, 8),
    time.slice(8),
    `7${hash.slice(0, 3)}`,
    variant + hash.slice(4, 7),
    hash.slice(7, 19),
  ].join('-');
}

function invalid(what: string): ApiError {
  return new ApiError(422, 'IDEMPOTENCY_KEY_INVALID', `expected Idempotency-Key to be ${what}`);
}
