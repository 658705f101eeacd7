// What was refused and what nobody could read, as operators look through it: by code, VM, operation, session and time, page by
// page, with counts. Both tables are bounded, so a filter may walk them.

import type { Database } from 'better-sqlite3';
import { all, one } from '../statements.ts';
import { checkedLimit } from './bounds.ts';
import { decodeKey, encodeKey } from './cursors.ts';
import type { DeadLetter, QuarantinedJob } from './operations.ts';
import { prefixCondition } from './prefix.ts';
import type { RecordPage } from './record-pages.ts';

/** What is left out does not narrow. Times in milliseconds since 1970, `untilMs` included. */
export interface RefusedFilter {
  readonly code?: string;
  readonly vm?: string;
  /** Name of the operation. */
  readonly name?: string;
  /** The beginning of a session's id. */
  readonly sessionPrefix?: string;
  readonly fromMs?: number;
  readonly untilMs?: number;
}

export interface RefusedPageOptions extends RefusedFilter {
  /** 1 to 500; 50 when left out. */
  readonly limit?: number;
  /** `nextCursor` of the page before, with the same filter. */
  readonly cursor?: string;
}

/** How many there are of each, most first. */
export interface RefusedCounts {
  readonly count: number;
  readonly codes: readonly Tally[];
  readonly vms: readonly Tally[];
}

export interface Tally {
  readonly name: string;
  readonly count: number;
}

interface Condition {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

const deadLetterColumns = `operation_id AS operationId, name, vm, session_id AS sessionId, code, message, payload,
  refused_at_ms AS refusedAtMs`;

/** Newest first. @throws StoreError CURSOR_INVALID, LIMIT_INVALID */
export function pageRefused(db: Database, options: RefusedPageOptions = {}): RecordPage<DeadLetter> {
  const { limit, cursor, ...filter } = options;
  const list = `refused ${JSON.stringify(filter)}`;
  const key = decodeKey(list, cursor, [Number.MAX_SAFE_INTEGER, '']);
  const where = ofDeadLetters(filter);
  const rows = all<DeadLetter>(
    db,
    `SELECT ${deadLetterColumns} FROM dead_letters WHERE (refused_at_ms, operation_id) < (?, ?) AND ${where.sql}
     ORDER BY refused_at_ms DESC, operation_id DESC LIMIT ?`,
    ...key,
    ...where.values,
    checkedLimit(limit) + 1,
  );
  return cut(rows, checkedLimit(limit), (last) => encodeKey(list, [last.refusedAtMs, last.operationId]));
}

export function countRefused(db: Database, filter: RefusedFilter = {}): RefusedCounts {
  return counts(db, 'dead_letters', 'vm', ofDeadLetters(filter));
}

/** Oldest first, as they would be put away or tried again. @throws StoreError LIMIT_INVALID */
export function listRefusedIds(db: Database, filter: RefusedFilter, limit?: number): string[] {
  const where = ofDeadLetters(filter);
  const sql = `SELECT operation_id AS id FROM dead_letters WHERE ${where.sql} ORDER BY refused_at_ms, operation_id LIMIT ?`;
  return all<{ id: string }>(db, sql, ...where.values, checkedLimit(limit)).map(({ id }) => id);
}

/** Newest first. @throws StoreError CURSOR_INVALID, LIMIT_INVALID */
export function pageUnread(db: Database, options: RefusedPageOptions = {}): RecordPage<QuarantinedJob> {
  const { limit, cursor, ...filter } = options;
  const list = `unread ${JSON.stringify(filter)}`;
  const key = decodeKey(list, cursor, [Number.MAX_SAFE_INTEGER]);
  const where = ofQuarantine(filter);
  const rows = all<QuarantinedJob>(
    db,
    `SELECT quarantine_id AS quarantineId, job_id AS jobId, name, code, reason, payload,
       quarantined_at_ms AS quarantinedAtMs
     FROM quarantine WHERE quarantine_id < ? AND ${where.sql} ORDER BY quarantine_id DESC LIMIT ?`,
    ...key,
    ...where.values,
    checkedLimit(limit) + 1,
  );
  return cut(rows, checkedLimit(limit), (last) => encodeKey(list, [last.quarantineId]));
}

export function countUnread(db: Database, filter: RefusedFilter = {}): RefusedCounts {
  return counts(db, 'quarantine', vmOfJob, ofQuarantine(filter));
}

/** Oldest first. @throws StoreError LIMIT_INVALID */
export function listUnreadIds(db: Database, filter: RefusedFilter, limit?: number): number[] {
  const where = ofQuarantine(filter);
  const sql = `SELECT quarantine_id AS id FROM quarantine WHERE ${where.sql} ORDER BY quarantine_id LIMIT ?`;
  return all<{ id: number }>(db, sql, ...where.values, checkedLimit(limit)).map(({ id }) => id);
}

/** A job id begins with its VM's name; one without a hyphen tells of none. */
const vmOfJob = "iif(instr(job_id, '-') > 0, substr(job_id, 1, instr(job_id, '-') - 1), '')";

function ofDeadLetters({ code, vm, name, sessionPrefix, fromMs, untilMs }: RefusedFilter): Condition {
  return both(
    equal('code', code),
    equal('vm', vm),
    equal('name', name),
    prefixCondition('session_id', sessionPrefix),
    within('refused_at_ms', fromMs, untilMs),
  );
}

/** Whose a job is stands in its id; its session in what it carries, if that can be believed at all. */
function ofQuarantine({ code, vm, name, sessionPrefix, fromMs, untilMs }: RefusedFilter): Condition {
  const session = sessionPrefix ? `"sessionId":${JSON.stringify(sessionPrefix).slice(0, -1)}` : undefined;
  return both(
    equal('code', code),
    equal(vmOfJob, vm),
    equal('name', name),
    session === undefined ? always : { sql: 'instr(payload, ?) > 0', values: [session] },
    within('quarantined_at_ms', fromMs, untilMs),
  );
}

const always: Condition = { sql: '1', values: [] };

const equal = (column: string, value: string | undefined): Condition =>
  value === undefined ? always : { sql: `${column} = ?`, values: [value] };

function within(column: string, fromMs = 0, untilMs = Number.MAX_SAFE_INTEGER): Condition {
  return { sql: `${column} BETWEEN ? AND ?`, values: [fromMs, untilMs] };
}

const both = (...conditions: readonly Condition[]): Condition => ({
  sql: conditions.map(({ sql }) => sql).join(' AND '),
  values: conditions.flatMap(({ values }) => values),
});

/** Kinds that a list of choices shows. */
const shownKinds = 50;

function counts(db: Database, table: string, vm: string, { sql, values }: Condition): RefusedCounts {
  const by = (column: string) =>
    all<Tally>(
      db,
      `SELECT ${column} AS name, count(*) AS count FROM ${table} WHERE ${sql} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ${shownKinds}`,
      ...values,
    );
  const row = one<{ count: number }>(db, `SELECT count(*) AS count FROM ${table} WHERE ${sql}`, ...values);
  return { count: row?.count ?? 0, codes: by('code'), vms: by(vm) };
}

function cut<Row>(found: readonly Row[], limit: number, cursorOf: (last: Row) => string): RecordPage<Row> {
  const rows = found.slice(0, limit);
  const last = rows.at(-1);
  return found.length > limit && last ? { rows, nextCursor: cursorOf(last) } : { rows };
}
