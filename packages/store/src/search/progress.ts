// How far the index of the search has come, and what it has to hear of. Triggers note new names and files that went; metadata is
// noted here, because a trigger on its table would cost every store that brings some.

import type { Database } from 'better-sqlite3';
import { StoreError } from '../errors.ts';
import { one, run } from '../statements.ts';

export interface SearchProgress {
  /** Rows that the index stands for: the highest number that it has taken. */
  readonly through: number;
  /** Files behind that, and files whose change it has not taken yet; counted to `behindCounted` only. */
  readonly behind: number;
}

/** Counting further would be a walk. */
export const behindCounted = 100_000;

/** Files up to this row number are in the index, or noted. @throws StoreError SCHEMA_DAMAGED */
export function indexedThrough(db: Database): number {
  const row = one<{ through: number }>(db, 'SELECT through FROM search_state WHERE id = 1');
  if (row) return row.through;
  const message =
    'expected search_state to have one row, got none; type: npx filefleet migrate down --to 003, and migrate up';
  throw new StoreError('SCHEMA_DAMAGED', message, { facts: { missing: ['search_state'] } });
}

/** @throws StoreError SCHEMA_DAMAGED */
export function searchProgress(db: Database): SearchProgress {
  const through = indexedThrough(db);
  const sql = `SELECT (SELECT count(*) FROM (SELECT 1 FROM conversation_files WHERE rowid > ? LIMIT ?))
    + (SELECT count(*) FROM (SELECT 1 FROM search_notes LIMIT ?)) AS behind`;
  const row = one<{ behind: number }>(db, sql, through, behindCounted, behindCounted);
  return { through, behind: Math.min(behindCounted, row?.behind ?? 0) };
}

/** Whether the index has anything to take; costs nothing. @throws StoreError SCHEMA_DAMAGED */
export function isSearchBehind(db: Database): boolean {
  const sql = `SELECT EXISTS (SELECT 1 FROM conversation_files WHERE rowid > ?) OR EXISTS (SELECT 1 FROM search_notes)
    OR EXISTS (SELECT 1 FROM search_state WHERE merging = 1) AS isBehind`;
  return one<{ isBehind: 0 | 1 }>(db, sql, indexedThrough(db))?.isBehind === 1;
}

/** The metadata of a file that was there before has changed. */
export function noteForSearch(db: Database, fileId: string): void {
  const sql = `INSERT INTO search_notes (number) SELECT rowid FROM conversation_files
    WHERE file_id = ? AND rowid <= (SELECT through FROM search_state WHERE id = 1) ON CONFLICT DO NOTHING`;
  run(db, sql, fileId);
}
