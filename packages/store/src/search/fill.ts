// Filling the index, one slice behind the stores at a time: first what changed, then what is new, and between two such slices
// the merging of what they wrote. State and index are of the same transaction, so a kill costs nothing.

import type { SliceMoment } from '../life/moment.ts';
import { all, one, run } from '../statements.ts';
import { indexedThrough } from './progress.ts';
import { indexedText } from './text.ts';

/** Bounds of a slice: what it adds is written in its COMMIT, which takes about as long again. */
export const searchSlice = Object.freeze({ rows: 100, ms: 4 });
/** Pages of the index that one slice merges. */
const mergedPages = 24;
/** By the documentation of FTS5: fewer changes than this, and there was nothing to merge. */
const mergedSomething = 2;

interface Row {
  readonly number: number;
  readonly name: string;
  /** Keys and values in turn; JSON. */
  readonly metadata: string;
}

const columns = `f.rowid AS number, f.original_filename AS name,
  (SELECT json_group_array(m.metadata_key || char(1) || coalesce(m.metadata_value, '')) FROM file_metadata m
    WHERE m.file_id = f.file_id) AS metadata`;
const newSql = `SELECT ${columns} FROM conversation_files f WHERE f.rowid > ? ORDER BY f.rowid LIMIT ?`;
const oneSql = `SELECT ${columns} FROM conversation_files f WHERE f.rowid = ?`;

/** @returns whether there is more to do at once. */
export function fillSearch(moment: SliceMoment): boolean {
  const { db } = moment;
  if (isMerging(moment) && merge(moment)) return true;
  const before = moment.budget.spent;
  const done = takeNoted(moment) && takeNew(moment);
  if (moment.budget.spent > before) run(db, 'UPDATE search_state SET merging = 1 WHERE id = 1');
  return !done || moment.budget.spent > before;
}

const isMerging = ({ db }: SliceMoment): boolean =>
  one(db, 'SELECT 1 FROM search_state WHERE id = 1 AND merging = 1') !== undefined;

/** @returns false when there is nothing to merge. */
function merge({ db }: SliceMoment): boolean {
  const changes = () => one<{ n: number }>(db, 'SELECT total_changes() AS n')?.n ?? 0;
  const before = changes();
  run(db, "INSERT INTO file_search (file_search, rank) VALUES ('merge', ?)", mergedPages);
  if (changes() - before >= mergedSomething) return true;
  run(db, 'UPDATE search_state SET merging = 0 WHERE id = 1');
  return false;
}

/** @returns whether no note is left. */
function takeNoted({ db, budget }: SliceMoment): boolean {
  const sql = 'SELECT number FROM search_notes ORDER BY number LIMIT ?';
  const noted = all<{ number: number }>(db, sql, budget.left + 1);
  let isDone = true;
  for (const { number } of noted) {
    if (!budget.take()) {
      isDone = false;
      break;
    }
    run(db, 'DELETE FROM file_search WHERE rowid = ?', number);
    const row = one<Row>(db, oneSql, number);
    if (row) insert(db, row);
    run(db, 'DELETE FROM search_notes WHERE number = ?', number);
  }
  return isDone;
}

/** @returns whether no new file is left. */
function takeNew({ db, budget }: SliceMoment): boolean {
  const before = indexedThrough(db);
  const rows = all<Row>(db, newSql, before, budget.left);
  let last = before;
  let isDone = true;
  for (const row of rows) {
    if (!budget.take()) {
      isDone = false;
      break;
    }
    insert(db, row);
    last = row.number;
  }
  if (last > before) run(db, 'UPDATE search_state SET through = ? WHERE id = 1', last);
  return isDone && rows.length === 0;
}

function insert(db: SliceMoment['db'], { number, name, metadata }: Row): void {
  const text = indexedText([name, ...(JSON.parse(metadata) as string[])]);
  run(db, 'INSERT OR REPLACE INTO file_search (rowid, text) VALUES (?, ?)', number, text);
}
