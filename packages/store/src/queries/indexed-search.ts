// One batch of a search that the index helps with: files in the order of their numbers, newest first. Behind the index every file
// is looked at; up to where it stands only those that it names, and those whose change it has not taken yet.

import type { Database } from 'better-sqlite3';
import { indexedThrough } from '../search/progress.ts';
import { all } from '../statements.ts';
import type { Looked } from './search.ts';

/** Numbers that the index is asked about at once: bounds the time that common trigrams take which never meet in one file. */
const window = 100_000;
/** Files that are looked at in one batch: about as many as a page shows. */
const namedAtOnce = 100;

export interface Ask {
  /** What to select of a file `f`, and the values that it binds. */
  readonly columns: string;
  readonly values: readonly unknown[];
  /** Of FTS5. */
  readonly match: string;
  /** Files with smaller numbers only. */
  readonly below: number;
  /** Files that a walk behind the index looks at, at most. */
  readonly limit: number;
}

/** Files, and the number below which to go on; undefined: all files were looked at, or ruled out. */
export interface NumberedBatch {
  readonly rows: readonly Looked[];
  readonly below: number | undefined;
}

export function batchByIndex(db: Database, ask: Ask): NumberedBatch {
  const through = indexedThrough(db);
  return ask.below > through + 1 ? behindIndex(db, ask, through) : inIndex(db, ask);
}

function behindIndex(db: Database, { columns, values, below, limit }: Ask, through: number): NumberedBatch {
  const sql = `SELECT ${columns} FROM conversation_files f WHERE f.rowid < ? AND f.rowid > ? ORDER BY f.rowid DESC LIMIT ?`;
  const rows = all<Looked>(db, sql, ...values, below, through, limit);
  const last = rows.at(-1);
  if (last && rows.length === limit) return { rows, below: last.rowId };
  return { rows, below: through === 0 ? undefined : through + 1 };
}

function inIndex(db: Database, { columns, values, match, below }: Ask): NumberedBatch {
  const from = Math.max(1, below - window);
  const { numbers, reached } = named(db, match, from, below);
  const sql = `SELECT ${columns} FROM json_each(?) n CROSS JOIN conversation_files f ON f.rowid = n.value
    ORDER BY f.rowid DESC`;
  const rows = numbers.length === 0 ? [] : all<Looked>(db, sql, ...values, JSON.stringify(numbers));
  return { rows, below: reached === 1 ? undefined : reached };
}

/** Numbers that have to be looked at, from `below` down to `reached`, which is `from` unless they are too many. */
function named(
  db: Database,
  match: string,
  from: number,
  below: number,
): { readonly numbers: readonly number[]; readonly reached: number } {
  const range = [from, below, namedAtOnce];
  const lists = [all<Numbered>(db, indexSql, match, ...range), all<Numbered>(db, notesSql, ...range)];
  const ends = lists.flatMap((list) => (list.length < namedAtOnce ? [] : [list.at(-1)?.number ?? from]));
  const reached = Math.max(from, ...ends);
  const numbers = new Set(lists.flat().map(({ number }) => number));
  return { numbers: [...numbers].filter((number) => number >= reached), reached };
}

type Numbered = { readonly number: number };
const indexSql = `SELECT rowid AS number FROM file_search WHERE file_search MATCH ? AND rowid >= ? AND rowid < ?
  ORDER BY rowid DESC LIMIT ?`;
const notesSql = `SELECT number FROM search_notes WHERE number >= ? AND number < ? ORDER BY number DESC LIMIT ?`;
