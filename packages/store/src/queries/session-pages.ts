// Sessions page by page: the most recently used first or, with a prefix, in the order of their ids. Filters look at a bounded
// number of rows for each page, so a page may be short and still have a next one.

import type { Database } from 'better-sqlite3';
import { all } from '../statements.ts';
import { checkedLimit } from './bounds.ts';
import { decodeKey, encodeKey } from './cursors.ts';
import { prefixCondition } from './prefix.ts';
import { findSession, type SessionFacts } from './sessions.ts';

/** Rows that one page looks at. */
const scanRows = 5_000;

export interface SessionPageOptions {
  /** 1 to 500; 50 when left out. */
  readonly limit?: number;
  /** `nextCursor` of the page before, with the same filters. */
  readonly cursor?: string;
  readonly state?: 'live' | 'ended';
  readonly hold?: boolean;
  /** The beginning of the ids; every character stands for itself. */
  readonly prefix?: string;
}

export interface SessionPage {
  readonly sessions: readonly SessionFacts[];
  /** Only when there may be more. */
  readonly nextCursor?: string;
}

interface Looked {
  readonly sessionId: string;
  readonly atMs: number;
  readonly state: string;
  readonly hold: 0 | 1;
}

/** @throws StoreError CURSOR_INVALID, LIMIT_INVALID */
export function pageSessions(db: Database, options: SessionPageOptions = {}): SessionPage {
  const limit = checkedLimit(options.limit);
  const list = `sessions ${JSON.stringify([options.prefix ?? '', options.state ?? '', options.hold ?? ''])}`;
  const rows = options.prefix
    ? byId(db, options.prefix, list, options.cursor)
    : byUse(db, list, options.cursor);
  const hits: Looked[] = [];
  for (const [index, row] of rows.entries()) {
    if (hits.length === limit) return page(db, hits, list, rows[index - 1]);
    const fits = options.state === undefined || row.state === options.state;
    if (fits && (options.hold === undefined || (row.hold === 1) === options.hold)) hits.push(row);
  }
  return page(db, hits, list, rows.length === scanRows ? rows.at(-1) : undefined);
}

const columns = 'session_id AS sessionId, last_activity_at_ms AS atMs, state, hold';

function byUse(db: Database, list: string, cursor: string | undefined): Looked[] {
  const [atMs, sessionId] = decodeKey<readonly [number, string]>(list, cursor, [Number.MAX_SAFE_INTEGER, '']);
  const sql = `SELECT ${columns} FROM sessions WHERE (last_activity_at_ms, session_id) < (?, ?)
    ORDER BY last_activity_at_ms DESC, session_id DESC LIMIT ${scanRows}`;
  return all<Looked>(db, sql, atMs, sessionId);
}

function byId(db: Database, prefix: string, list: string, cursor: string | undefined): Looked[] {
  const [, after] = decodeKey<readonly [number, string]>(list, cursor, [0, '']);
  const range = prefixCondition('session_id', prefix);
  const sql = `SELECT ${columns} FROM sessions WHERE ${range.sql} AND session_id > ?
    ORDER BY session_id LIMIT ${scanRows}`;
  return all<Looked>(db, sql, ...range.values, after);
}

function page(db: Database, hits: readonly Looked[], list: string, last: Looked | undefined): SessionPage {
  const sessions = hits.flatMap(({ sessionId }) => findSession(db, sessionId) ?? []);
  return last ? { sessions, nextCursor: encodeKey(list, [last.atMs, last.sessionId]) } : { sessions };
}
