// Prepared statements, cached per connection, so that a store function can take an open connection and
// still not pay for parsing its SQL in every call.

import type { Database, Statement } from 'better-sqlite3';

const cache = new WeakMap<Database, Map<string, Statement>>();

/** The prepared statement of `sql` on this connection; the same text gives the same statement. */
export function statement(db: Database, sql: string): Statement {
  const statements = cache.get(db) ?? new Map<string, Statement>();
  cache.set(db, statements);
  const prepared = statements.get(sql) ?? db.prepare(sql);
  statements.set(sql, prepared);
  return prepared;
}

/** First row or undefined, typed by the caller who wrote the SQL. */
export function one<Row>(db: Database, sql: string, ...values: unknown[]): Row | undefined {
  return statement(db, sql).get(...values) as Row | undefined;
}

export function all<Row>(db: Database, sql: string, ...values: unknown[]): Row[] {
  return statement(db, sql).all(...values) as Row[];
}

/** @returns how many rows changed. */
export function run(db: Database, sql: string, ...values: unknown[]): number {
  return statement(db, sql).run(...values).changes;
}
