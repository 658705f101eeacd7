// What a person asks about the bytes of files: are they whole, who else has them, and which files have none that are whole.

import type { Database } from 'better-sqlite3';
import { all, one } from '../statements.ts';
import { checkedLimit } from './bounds.ts';
import { decodeKey, encodeKey } from './cursors.ts';
import { type FileFacts, findFileFacts } from './files.ts';
import { prefixCondition } from './prefix.ts';
import {
  condition,
  type SearchFilter,
  type SearchOptions,
  type SearchSlice,
  searchSliceRows,
  teachText,
} from './search.ts';

/** What the store knows of some bytes without reading them. Times are milliseconds since 1970. */
export interface ContentState {
  /** `missing`: adopted without its bytes. `damaged`: somebody found other bytes there. */
  readonly state: 'held' | 'damaged' | 'missing';
  readonly location: 'inline' | 'file' | null;
  readonly firstStoredAtMs: number | null;
  readonly damage: string | null;
  readonly damagedAtMs: number | null;
}

const unknown: ContentState = Object.freeze({
  state: 'missing',
  location: null,
  firstStoredAtMs: null,
  damage: null,
  damagedAtMs: null,
});

/** @param digest SHA-256, 64 lower-case hex digits. */
export function findContentState(db: Database, digest: string): ContentState {
  const sql = `SELECT iif(damage IS NULL, 'held', 'damaged') AS state, location, created_at_ms AS firstStoredAtMs,
      damage, damaged_at_ms AS damagedAtMs FROM blobs WHERE digest = ?`;
  return one<ContentState>(db, sql, digest) ?? unknown;
}

export interface SameBytesOptions {
  /** 1 to 500; 50 when left out. */
  readonly limit?: number;
  /** Of sessions only whose id begins like this. */
  readonly sessionPrefix?: string;
}

export interface SameBytes {
  readonly files: readonly FileFacts[];
  /** Whether there are, or may be, more. */
  readonly isMore: boolean;
}

/**
 * Files with these bytes: active ones first, each half newest first. Looks at 1,000 rows at most.
 * @throws StoreError LIMIT_INVALID
 */
export function listSameBytes(db: Database, digest: string, options: SameBytesOptions = {}): SameBytes {
  const limit = checkedLimit(options.limit);
  const range = prefixCondition('session_id', options.sessionPrefix);
  const values = [...range.values, digest];
  const rows = all<{ fileId: string; hit: 0 | 1 }>(db, sameBytesSql(range.sql), ...values, ...values);
  const hits = rows.filter(({ hit }) => hit);
  const files = hits.slice(0, limit).flatMap(({ fileId }) => findFileFacts(db, fileId) ?? []);
  return { files, isMore: hits.length > limit || rows.length >= sameBytesRows };
}

const sameBytesRows = 500;

/** Each half is in the order of the index of digests, so that bytes which a million files share cost no more than others. */
export function sameBytesSql(hit: string): string {
  const half = (
    deleted: 0 | 1,
  ) => `SELECT * FROM (SELECT file_id AS fileId, (${hit}) AS hit FROM conversation_files
    WHERE file_hash = ? AND is_deleted = ${deleted} ORDER BY rowid DESC LIMIT ${sameBytesRows})`;
  return `${half(0)} UNION ALL ${half(1)}`;
}

export interface UnsoundOptions extends SearchOptions {
  /** `damaged`: bytes found to be others; `missing`: no bytes at all. */
  readonly content: 'damaged' | 'missing';
}

/**
 * Files whose bytes are not there as they were stored, with the filters of a search. Damaged ones, found by index, come in the order
 * of the finding, newest first; for missing ones the files are walked, newest first. Looks at up to 1,000 files.
 * @throws StoreError CURSOR_INVALID, LIMIT_INVALID
 */
export function searchUnsound(db: Database, options: UnsoundOptions): SearchSlice {
  const { limit: wanted, cursor, content, ...filter } = options;
  const limit = checkedLimit(wanted);
  const list = `${content} ${JSON.stringify(Object.entries(filter).sort())}`;
  teachText(db);
  const rows =
    content === 'damaged' ? walkDamaged(db, filter, list, cursor) : walkMissing(db, filter, list, cursor);
  const matches: FileFacts[] = [];
  for (const [index, row] of rows.entries()) {
    const file = row.hit ? findFileFacts(db, row.fileId) : undefined;
    if (file) matches.push(file);
    const isLast = index === rows.length - 1;
    if (matches.length === limit && !isLast) return sliceUpTo(matches, index + 1, list, row);
  }
  return sliceUpTo(matches, rows.length, list, rows.length === searchSliceRows ? rows.at(-1) : undefined);
}

type Key = readonly [damagedAtMs: number, blobId: number, isDeleted: number, rowId: number];
interface Looked {
  readonly fileId: string;
  readonly hit: 0 | 1;
  readonly damagedAtMs: number;
  readonly blobId: number;
  readonly isDeleted: number;
  readonly rowId: number;
}

function sliceUpTo(matches: readonly FileFacts[], scanned: number, list: string, last?: Looked): SearchSlice {
  if (!last) return { matches, scanned };
  const { damagedAtMs, blobId, isDeleted, rowId } = last;
  return { matches, scanned, nextCursor: encodeKey(list, [damagedAtMs, blobId, isDeleted, rowId]) };
}

const most = Number.MAX_SAFE_INTEGER;

function walkDamaged(db: Database, filter: SearchFilter, list: string, cursor: string | undefined): Looked[] {
  const [atMs, blobId, isDeleted, rowId] = decodeKey<Key>(list, cursor, [most, most, most, most]);
  const { sql, values } = condition(filter);
  return all<Looked>(db, damagedSql(sql), ...values, atMs, atMs, blobId, atMs, blobId, isDeleted, rowId);
}

export function damagedSql(hit: string): string {
  return `SELECT f.file_id AS fileId, (${hit}) AS hit, b.damaged_at_ms AS damagedAtMs, b.blob_id AS blobId,
      f.is_deleted AS isDeleted, f.rowid AS rowId
    FROM blobs b CROSS JOIN conversation_files f ON f.file_hash = b.digest
    WHERE b.damaged_at_ms <= ? AND ((b.damaged_at_ms, b.blob_id) < (?, ?)
      OR (b.damaged_at_ms = ? AND b.blob_id = ? AND (f.is_deleted, f.rowid) < (?, ?)))
    ORDER BY b.damaged_at_ms DESC, b.blob_id DESC, f.is_deleted DESC, f.rowid DESC LIMIT ${searchSliceRows}`;
}

function walkMissing(db: Database, filter: SearchFilter, list: string, cursor: string | undefined): Looked[] {
  const [, , , rowId] = decodeKey<Key>(list, cursor, [0, 0, 0, most]);
  const { sql, values } = condition(filter);
  const walkSql = `SELECT f.file_id AS fileId, f.rowid AS rowId, 0 AS damagedAtMs, 0 AS blobId, 0 AS isDeleted,
      (${sql}) AND NOT EXISTS (SELECT 1 FROM blobs b WHERE b.digest = f.file_hash) AS hit
    FROM conversation_files f WHERE f.rowid < ? ORDER BY f.rowid DESC LIMIT ${searchSliceRows}`;
  return all<Looked>(db, walkSql, ...values, rowId);
}
