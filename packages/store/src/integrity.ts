// The thorough look, for doctor and verify: reads the whole database, so it is not part of opening.

import type { Database } from 'better-sqlite3';
import { StoreError } from './errors.ts';
import { loadMigrations } from './migrations.ts';
import { asStoreError } from './sqlite-errors.ts';
import { findDifferences } from './validation.ts';

export interface IntegrityReport {
  /** What `PRAGMA integrity_check` found, at most 100 lines. */
  readonly faults: readonly string[];
  /** Rows that refer to a row that is not there, per table; `integrity_check` does not look at them. */
  readonly orphans: readonly { readonly table: string; readonly rows: number }[];
  /** Objects that the recorded version must have, such as `index idx_blobs_name: missing`. */
  readonly differences: readonly string[];
}

/**
 * Checks pages, indexes, constraints, foreign keys and the schema. Changes nothing. Three empty lists: all is well.
 * @throws StoreError STORAGE_FAULT when the disk fails; damage is a finding, not an error.
 */
export function checkIntegrity(db: Database): IntegrityReport {
  try {
    const lines = db.pragma('integrity_check(100)') as { integrity_check: string }[];
    const faults = lines.map((line) => line.integrity_check).filter((line) => line !== 'ok');
    return { faults, orphans: listOrphans(db), differences: listDifferences(db) };
  } catch (error) {
    const known = asStoreError(error, `checking ${db.name}`);
    if (known instanceof StoreError && known.code === 'DATABASE_CORRUPT') {
      return { faults: [known.message], orphans: [], differences: [] };
    }
    throw known;
  }
}

function listOrphans(db: Database): { table: string; rows: number }[] {
  const sql = 'SELECT "table", count(*) AS rows FROM pragma_foreign_key_check GROUP BY 1 ORDER BY 1';
  return db.prepare(sql).all() as { table: string; rows: number }[];
}

function listDifferences(db: Database): string[] {
  return findDifferences(db, loadMigrations()).map(
    ({ object, detail }) => `${object.type} ${object.name}: ${detail}`,
  );
}
