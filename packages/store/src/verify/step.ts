// One step of verify: looks at many things of one kind, counts them, and keeps the first faults that it finds.

import type { Database } from 'better-sqlite3';
import type { AuditAnchor } from './audit-step.ts';

/** What a step is given. */
export interface Place {
  readonly db: Database;
  readonly dataDir: string;
  /** Wall clock, milliseconds since 1970. */
  readonly nowMs: number;
  /** Heads of the audit's chain that were kept elsewhere. */
  readonly anchors?: readonly AuditAnchor[];
  /** Take more time for what is sampled. */
  readonly isDeep?: boolean;
}

/** Faults that are told one by one; all of them are counted. */
const told = 20;

export class Tally {
  checked = 0;
  faultCount = 0;
  readonly faults: string[] = [];
  readonly #notes = new Map<string, number>();

  fault(text: string): void {
    this.faultCount += 1;
    if (this.faults.length < told) this.faults.push(text);
  }

  /** Something to know that is no fault; `count` is added to what was noted under this text. */
  note(text: string, count = 1): void {
    if (count > 0) this.#notes.set(text, (this.#notes.get(text) ?? 0) + count);
  }

  get notes(): readonly { readonly what: string; readonly count: number }[] {
    return [...this.#notes].map(([what, count]) => ({ what, count }));
  }
}

export interface Step {
  readonly name: string;
  /** Only when asked for: reads every byte of every file. */
  readonly deep?: boolean;
  run(place: Place, tally: Tally): void | Promise<void>;
}

const pageRows = 1_000;

/**
 * All rows of a query in pages, so that no read stays open for long and the writer can go on checkpointing.
 * @param sql ends in `WHERE <key> > ? ORDER BY <key> LIMIT ?`; what is written meanwhile may be in it or not.
 */
export function* inPages<Row extends object, Key extends keyof Row>(
  db: Database,
  sql: string,
  key: Key,
  first: Row[Key],
): Generator<Row> {
  const statement = db.prepare<[Row[Key], number], Row>(sql);
  for (let after = first; ; ) {
    const rows = statement.all(after, pageRows);
    yield* rows;
    const last = rows.at(-1);
    if (!last || rows.length < pageRows) return;
    after = last[key];
  }
}
