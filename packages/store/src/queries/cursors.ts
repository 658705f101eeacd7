// Cursors of lists that are read page by page: opaque texts that hold the key of the last row, good for one list only.

import { StoreError } from '../errors.ts';

/** A number or a text of the last row's key. */
export type KeyPart = number | string;

/** @param list names the list and what it was asked for, so that a cursor of another one is refused. */
export function encodeKey(list: string, key: readonly KeyPart[]): string {
  return Buffer.from(JSON.stringify([list, ...key]), 'utf8').toString('base64url');
}

/**
 * Reads a cursor back.
 * @param first the key to begin with when there is no cursor; its parts also say of which types a key is.
 * @throws StoreError CURSOR_INVALID when it is not one that `encodeKey` made for this list.
 */
export function decodeKey<Key extends readonly KeyPart[]>(
  list: string,
  cursor: string | undefined,
  first: Key,
): Key {
  if (cursor === undefined) return first;
  const [of, ...key] = parseParts(cursor);
  const fits = key.length === first.length && first.every((part, index) => isLike(part, key[index]));
  if (of === list && fits) return key as unknown as Key;
  throw new StoreError(
    'CURSOR_INVALID',
    'expected the cursor to be the nextCursor of a page of the same list, got another text; begin without a cursor',
    { facts: { list } },
  );
}

function isLike(part: KeyPart, got: unknown): boolean {
  return typeof part === 'string' ? typeof got === 'string' : Number.isSafeInteger(got);
}

function parseParts(cursor: string): unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    return Array.isArray(value) ? value : [];
  } catch {
    return []; // not JSON, so not ours: the caller says so
  }
}
