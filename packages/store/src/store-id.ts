// Which store a database is, so that a Redis can tell two of them apart. Migration 005 makes the id; here it is read, and given
// on where one store takes another's place.

import type { Database } from 'better-sqlite3';
import { StoreError } from './errors.ts';
import { one, run } from './statements.ts';

/** The first version that has an id. */
export const storeIdVersion = '005';

/** @returns a UUID. @throws StoreError SCHEMA_DAMAGED */
export function readStoreId(db: Database): string {
  const row = one<{ storeId: string }>(db, 'SELECT store_id AS storeId FROM store WHERE id = 1');
  if (row) return row.storeId;
  const message = 'expected table store to hold the id of the store, got no row; restore a backup';
  throw new StoreError('SCHEMA_DAMAGED', message);
}

/** Goes on as the store in whose place this one comes. In a transaction of its caller, at the newest schema. */
export function takeStoreId(db: Database, storeId: string): void {
  run(db, 'UPDATE store SET store_id = ? WHERE id = 1', storeId);
}
