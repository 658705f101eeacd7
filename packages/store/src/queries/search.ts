// Search in names and metadata, newest first. The index rules files out (search/); every file that it does not rule out is looked
// at, a bounded number of them in one call, which says how many and where to go on. What the index does not know, because it is
// new, or cannot say, because the text is too short, is walked over. The text is looked for as it stands: no character of it has a
// meaning of its own.

import type { Database } from 'better-sqlite3';
import { folded, matchOf } from '../search/text.ts';
import { all } from '../statements.ts';
import { checkedLimit } from './bounds.ts';
import { decodeKey, encodeKey } from './cursors.ts';
import { type FileFacts, findFileFacts } from './files.ts';
import { batchByIndex } from './indexed-search.ts';
import { prefixCondition } from './prefix.ts';

/** Files that one call looks at, about: some milliseconds. Callers that look at more call again. */
export const searchSliceRows = 1_000;

export interface SearchFilter {
  /** Looked for in names, metadata keys and values, whatever the case. */
  readonly text?: string;
  /** Files of this session only: then the walk is over its own files. */
  readonly sessionId?: string;
  readonly sessionPrefix?: string;
  /** Files with these bytes only. */
  readonly digest?: string;
  readonly vm?: string;
  /** `image/png`, or a family: `image/*`. */
  readonly type?: string;
  /** `active` when left out. */
  readonly state?: 'active' | 'deleted' | 'any';
  /** Stored at this time or later, and before the other one. Milliseconds since 1970. */
  readonly fromMs?: number;
  readonly untilMs?: number;
}

export interface SearchOptions extends SearchFilter {
  /** 1 to 500; 50 when left out. */
  readonly limit?: number;
  /** `nextCursor` of the call before, with the same filter. */
  readonly cursor?: string;
}

export interface SearchSlice {
  readonly matches: readonly FileFacts[];
  /** Files that this call looked at; others the index ruled out. */
  readonly scanned: number;
  /** Only when there are files that neither this call nor the index has looked at yet. */
  readonly nextCursor?: string;
}

/** A file that was looked at. */
export interface Looked {
  readonly fileId: string;
  readonly atMs: number;
  readonly rowId: number;
  readonly hit: 0 | 1;
}

type Key = readonly [atMs: number, fileId: string, rowId: number];

/** Files in a row, and the key after which to go on; undefined: there is nothing after them. */
interface Batch {
  readonly rows: readonly Looked[];
  readonly next: Key | undefined;
}

/** Batches of the index in one call: it rules out so many files at once that few suffice. */
const batchesPerCall = 4;

/** @throws StoreError CURSOR_INVALID, LIMIT_INVALID */
export function searchFiles(db: Database, options: SearchOptions): SearchSlice {
  const { limit: wanted, cursor, ...filter } = options;
  const limit = checkedLimit(wanted);
  const list = `search ${JSON.stringify(Object.entries(filter).sort())}`;
  let next: Key | undefined = decodeKey<Key>(list, cursor, [
    Number.MAX_SAFE_INTEGER,
    '',
    Number.MAX_SAFE_INTEGER,
  ]);
  teachText(db);
  const match = matchFor(filter);
  const hits: string[] = [];
  let scanned = 0;
  for (let n = 0; next && n < batchesPerCall && scanned < searchSliceRows; n++) {
    const batch: Batch = match === undefined ? walk(db, filter, next) : byIndex(db, filter, match, next);
    next = batch.next;
    for (const row of batch.rows) {
      scanned += 1;
      if (row.hit) hits.push(row.fileId);
      if (hits.length < limit) continue;
      if (row !== batch.rows.at(-1)) next = keyOf(row);
      return slice(db, hits, scanned, list, next);
    }
  }
  return slice(db, hits, scanned, list, next);
}

const keyOf = ({ atMs, fileId, rowId }: Looked): Key => [atMs, fileId, rowId];

function slice(
  db: Database,
  hits: readonly string[],
  scanned: number,
  list: string,
  next?: Key,
): SearchSlice {
  const matches = hits.flatMap((fileId) => findFileFacts(db, fileId) ?? []);
  return next ? { matches, scanned, nextCursor: encodeKey(list, next) } : { matches, scanned };
}

/** @returns undefined when the index cannot help: a session's and a content's files are few, and have indexes of their own. */
function matchFor({ text, sessionId, digest }: SearchFilter): string | undefined {
  return text === undefined || sessionId !== undefined || digest !== undefined ? undefined : matchOf(text);
}

function byIndex(db: Database, filter: SearchFilter, match: string, [, , below]: Key): Batch {
  const { sql, values } = condition(filter);
  const columns = `${lookedColumns}, (${sql}) AS hit`;
  const { rows, below: next } = batchByIndex(db, { columns, values, match, below, limit: searchSliceRows });
  return { rows, next: next === undefined ? undefined : [0, '', next] };
}

const lookedColumns = 'f.file_id AS fileId, f.uploaded_at_ms AS atMs, f.rowid AS rowId';

function walk(db: Database, filter: SearchFilter, [atMs, fileId, rowId]: Key): Batch {
  const { sql, values } = condition(filter);
  const columns = `${lookedColumns}, (${sql}) AS hit`;
  if (filter.sessionId !== undefined) {
    const half = (deleted: 0 | 1) => `SELECT ${columns} FROM conversation_files f
      WHERE f.session_id = ? AND f.is_deleted = ${deleted} AND (f.uploaded_at_ms, f.file_id) < (?, ?)`;
    const halves = halvesOf(filter.state).map(half);
    const each = [...values, filter.sessionId, atMs, fileId];
    const walkSql = `${halves.join(' UNION ALL ')} ORDER BY atMs DESC, fileId DESC LIMIT ${searchSliceRows}`;
    return walked(all<Looked>(db, walkSql, ...halves.flatMap(() => each)));
  }
  // By number and not by time: 001 has no index over `uploaded_at_ms`, and numbers are given in the order of storing.
  // The plus keeps SQLite at the index of digests, which holds few rows, instead of a walk in the order of numbers.
  const [bytes, number] = filter.digest === undefined ? ['', 'f.rowid'] : ['f.file_hash = ? AND', '+f.rowid'];
  const walkSql = `SELECT ${columns} FROM conversation_files f WHERE ${bytes} ${number} < ?
    ORDER BY ${number} DESC LIMIT ${searchSliceRows}`;
  const digest = filter.digest === undefined ? [] : [filter.digest];
  return walked(all<Looked>(db, walkSql, ...values, ...digest, rowId));
}

function walked(rows: readonly Looked[]): Batch {
  const last = rows.at(-1);
  return { rows, next: last && rows.length === searchSliceRows ? keyOf(last) : undefined };
}

function halvesOf(state: SearchFilter['state']): (0 | 1)[] {
  if (state === 'any') return [0, 1];
  return state === 'deleted' ? [1] : [0];
}

/** @returns a condition on `f`, a row of conversation_files. The connection has to know `text_holds`. */
export function condition(filter: SearchFilter): { sql: string; values: unknown[] } {
  const parts: string[] = [];
  const values: unknown[] = [];
  const add = (sql: string, ...more: readonly unknown[]) => {
    parts.push(sql);
    values.push(...more);
  };
  if (filter.state !== 'any') add(`f.is_deleted = ${filter.state === 'deleted' ? 1 : 0}`);
  if (filter.vm !== undefined) add('f.vm = ?', filter.vm);
  if (filter.fromMs !== undefined) add('f.uploaded_at_ms >= ?', filter.fromMs);
  if (filter.untilMs !== undefined) add('f.uploaded_at_ms < ?', filter.untilMs);
  if (filter.digest !== undefined) add('f.file_hash = ?', filter.digest);
  const family = filter.type?.endsWith('/*') ? filter.type.slice(0, -1) : undefined;
  const type = "coalesce(f.mime_type, f.declared_mime_type, '')";
  if (family !== undefined) add(`substr(${type}, 1, ?) = ?`, family.length, family);
  else if (filter.type !== undefined) add(`${type} = ?`, filter.type);
  const range = prefixCondition('f.session_id', filter.sessionPrefix);
  add(range.sql, ...range.values);
  if (filter.text !== undefined && filter.text !== '') {
    const text = folded(filter.text);
    add(
      `(text_holds(f.original_filename, ?) OR EXISTS (SELECT 1 FROM file_metadata m WHERE m.file_id = f.file_id
         AND (text_holds(m.metadata_key, ?) OR text_holds(m.metadata_value, ?))))`,
      ...[text, text, text],
    );
  }
  return { sql: parts.join(' AND '), values };
}

const taught = new WeakSet<Database>();

/** LIKE folds the case of ASCII only, and gives `%` and `_` a meaning. */
export function teachText(db: Database): void {
  if (taught.has(db)) return;
  db.function('text_holds', { deterministic: true }, (text: unknown, wanted: unknown) =>
    typeof text === 'string' && folded(text).includes(String(wanted)) ? 1 : 0,
  );
  taught.add(db);
}
