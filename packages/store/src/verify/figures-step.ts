// The figures that triggers keep, against a count of what they stand for. Each is compared in one statement, so in one
// snapshot: a writer at work changes both sides at once.

import type { Database } from 'better-sqlite3';
import type { Step, Tally } from './step.ts';

interface Difference {
  readonly what: string;
  readonly kept: string | null;
  readonly counted: string | null;
}

const sums = `sum(is_deleted = 0) AS files, sum(iif(is_deleted = 0, file_size, 0)) AS bytes,
  sum(is_deleted = 1) AS deleted_files, sum(iif(is_deleted = 1, file_size, 0)) AS deleted_bytes`;
const figures = (table: string): string =>
  ['files', 'bytes', 'deleted_files', 'deleted_bytes'].map((name) => `coalesce(${table}.${name}, 0)`).join();
const told = (table: string): string =>
  `printf('%d files, %d bytes, %d deleted, %d bytes', ${figures(table)})`;

/** A scope of which nothing is left may have a row of zeros or none. */
const usageSql = `WITH counted AS (
    SELECT 'session' AS scope, session_id AS name, ${sums} FROM conversation_files GROUP BY session_id
    UNION ALL SELECT 'vm', coalesce(vm, ''), ${sums} FROM conversation_files GROUP BY coalesce(vm, '')
    UNION ALL SELECT 'fleet', '', ${sums} FROM conversation_files)
  SELECT trim('usage of ' || coalesce(u.scope, c.scope) || ' ' || coalesce(u.name, c.name)) AS what,
         ${told('u')} AS kept, ${told('c')} AS counted
  FROM usage u FULL JOIN counted c ON c.scope = u.scope AND c.name = u.name
  WHERE (${figures('u')}) <> (${figures('c')})`;

const keptAndCounted = (what: string, kept: string, counted: string): string =>
  `SELECT '${what} ' || c.key AS what, k.told AS kept, c.told AS counted
   FROM (${counted}) c LEFT JOIN (${kept}) k ON k.key = c.key WHERE k.told IS NOT c.told`;

const blobsSql = keptAndCounted(
  'contents',
  "SELECT location AS key, printf('%d of %d bytes', blobs, bytes) AS told FROM blob_usage",
  `SELECT l.value AS key, printf('%d of %d bytes', count(b.size), coalesce(sum(b.size), 0)) AS told
   FROM json_each('["inline", "file", "unreferenced"]') l
   LEFT JOIN (SELECT location, size FROM blobs UNION ALL SELECT 'unreferenced', size FROM unreferenced_blobs) b
     ON b.location = l.value GROUP BY l.value`,
);

const sessionsSql = keptAndCounted(
  'sessions',
  'SELECT state AS key, CAST(sessions AS TEXT) AS told FROM session_usage',
  `SELECT l.value AS key, CAST(count(s.state) AS TEXT) AS told
   FROM json_each('["live", "ended"]') l LEFT JOIN sessions s ON s.state = l.value GROUP BY l.value`,
);

/** Of either kind: unused and not known as such (the sweep never finds it), known as unused and in use. */
const unreferencedSql = `SELECT 'content ' || b.digest AS what, iif(u.blob_id IS NULL, 'in use', 'unused') AS kept,
    iif(u.blob_id IS NULL, 'unused', 'in use') AS counted
  FROM blobs b LEFT JOIN unreferenced_blobs u ON u.blob_id = b.blob_id AND u.digest = b.digest AND u.size = b.size
  WHERE (u.blob_id IS NULL) = NOT EXISTS (SELECT 1 FROM conversation_files f WHERE f.file_hash = b.digest)`;

const rowsSql = `SELECT (SELECT count(*) FROM usage) + (SELECT count(*) FROM blob_usage)
  + (SELECT count(*) FROM session_usage) + (SELECT count(*) FROM unreferenced_blobs)`;

export const figuresStep: Step = {
  name: 'figures',
  run({ db }, tally) {
    tally.checked = db.prepare(rowsSql).pluck().get() as number;
    for (const sql of [usageSql, blobsSql, sessionsSql, unreferencedSql]) compare(db, sql, tally);
  },
};

function compare(db: Database, sql: string, tally: Tally): void {
  for (const { what, kept, counted } of db.prepare<[], Difference>(sql).iterate()) {
    tally.fault(`${what}: the figures say ${kept ?? 'nothing'}, counted: ${counted ?? 'nothing'}`);
  }
}
