// A store with a writer's tenure, fresh for each test, and looks at it through a connection of the test's own.

import type { Receipt } from '@filefleet/protocol';
import { databasePath, type Result, WriterSession } from '@filefleet/store';
import SQLite, { type Database } from 'better-sqlite3';
import { afterEach, beforeEach } from 'vitest';
import { makeFolder } from './data-folder.ts';
import type { OperationEntry } from './operations.ts';

export const startMs = Date.UTC(2026, 0, 1);

export interface SessionFixture {
  readonly clock: { now: number; nowMs(): number };
  dataDir: string;
  session: WriterSession;
  look: Database;
  apply(...entries: OperationEntry[]): readonly Result[];
  count(table: string, where?: string): number;
  row(sql: string, ...values: unknown[]): Record<string, unknown>;
  column(sql: string): unknown[];
  /** Writes past the writer, as somebody with the file in hand could. */
  tamper(sql: string): void;
}

/** Call once at the top of a test file. */
export function useWriterSession(): SessionFixture {
  const clock = { now: startMs, nowMs: () => clock.now };
  const fixture = {
    clock,
    apply: (...entries: OperationEntry[]) => fixture.session.apply(entries).results,
    count: (table: string, where = '1') =>
      Number(fixture.look.prepare(`SELECT count(*) FROM ${table} WHERE ${where}`).pluck().get()),
    row: (sql: string, ...values: unknown[]) =>
      fixture.look.prepare(sql).get(...values) as Record<string, unknown>,
    column: (sql: string) => fixture.look.prepare(sql).pluck().all(),
    tamper: (sql: string) => {
      const db = new SQLite(databasePath(fixture.dataDir));
      try {
        db.exec(sql);
      } finally {
        db.close();
      }
    },
  } as SessionFixture;
  beforeEach(async () => {
    clock.now = startMs;
    fixture.dataDir = makeFolder();
    fixture.session = await WriterSession.open({ dataDir: fixture.dataDir, clock });
    fixture.look = new SQLite(databasePath(fixture.dataDir), { readonly: true });
  });
  afterEach(() => {
    fixture.look.close();
    fixture.session.close();
  });
  return fixture;
}

/** The receipt of a settled result. */
export function receipt(result: Result | undefined): Receipt {
  if (result?.kind !== 'settled') throw new Error(`expected a settled result, got ${JSON.stringify(result)}`);
  return result.receipt;
}
