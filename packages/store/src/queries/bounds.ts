// Bounds of every list: a query gives at most so many rows, and a page says where the next one begins.

import { StoreError } from '../errors.ts';

export const defaultLimit = 50;
export const maximumLimit = 500;

/** @throws StoreError LIMIT_INVALID unless it is a whole number from 1 to 500. */
export function checkedLimit(limit: number = defaultLimit): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= maximumLimit) return limit;
  throw new StoreError(
    'LIMIT_INVALID',
    `expected the limit to be a whole number from 1 to ${maximumLimit}, got ${String(limit)}; ask for pages`,
    { facts: { limit, maximum: maximumLimit } },
  );
}

/** Where a page of a session's files ended: the key of its last row. */
export interface PageKey {
  readonly sessionId: string;
  readonly uploadedAtMs: number;
  readonly fileId: string;
}

/** An opaque text for a page key; it is good for its own session only. */
export function encodeCursor(key: PageKey): string {
  const text = JSON.stringify([key.sessionId, key.uploadedAtMs, key.fileId]);
  return Buffer.from(text, 'utf8').toString('base64url');
}

/** @throws StoreError CURSOR_INVALID when it is not a cursor that `encodeCursor` made for this session. */
export function decodeCursor(cursor: string, sessionId: string): PageKey {
  const parts = parseParts(cursor);
  const [session, uploadedAtMs, fileId] = Array.isArray(parts) ? parts : [];
  if (session === sessionId && Number.isInteger(uploadedAtMs) && typeof fileId === 'string') {
    return { sessionId, uploadedAtMs: Number(uploadedAtMs), fileId };
  }
  throw new StoreError(
    'CURSOR_INVALID',
    'expected the cursor to be the nextCursor of a page of the same session, got another text; begin without a cursor',
    { facts: { sessionId } },
  );
}

function parseParts(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return undefined; // not JSON, so not ours: the caller says so
  }
}
