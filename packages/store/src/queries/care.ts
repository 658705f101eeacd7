// How the store is looked after: what the maintenance noted, contents known to be damaged, what was refused lately, the end
// of the audit's chain. Each figure is read from an index or a bounded number of rows.

import type { Database } from 'better-sqlite3';
import { auditHead } from '../audit-chain.ts';
import { all, one } from '../statements.ts';

/** Counting stops here: more is as bad. */
export const countedAtMost = 10_000;
const damagedListed = 50;

export interface NotedTask {
  readonly task: string;
  /** Null: not before somebody asks. */
  readonly dueAtMs: number | null;
  readonly finishedAtMs: number | null;
  /** What came out of the last run, as the writer noted it. */
  readonly result: Readonly<Record<string, unknown>> | null;
}

export interface DamagedContent {
  readonly digest: string;
  readonly size: number;
  readonly damagedAtMs: number;
  readonly reason: string;
  /** A file that has it, if one still does. */
  readonly fileId: string | null;
}

export interface CareFacts {
  readonly tasks: readonly NotedTask[];
  /** All of them, while there are at most 10,000. */
  readonly damagedContents: number;
  /** The first to be found damaged, at most 50. */
  readonly damaged: readonly DamagedContent[];
  /** Since the time that was given, at most 10,000 of each. */
  readonly refused: number;
  readonly quarantined: number;
  /** Where the round of the scrub stands among the contents, by their numbers; 0: at its beginning. */
  readonly scrub: { readonly through: number; readonly newest: number };
  /** The end of the audit's chain, its hash in hex; null before the first entry. Entries up to `prunedThrough` were forgotten. */
  readonly audit: {
    readonly head: { readonly auditId: number; readonly hash: string } | null;
    readonly prunedThrough: number;
  };
}

type TaskRow = Omit<NotedTask, 'result'> & { cursor: string | null; result: string | null };

/** @param sinceMs from when on refusals and quarantine count, in milliseconds since 1970. */
export function getCare(db: Database, sinceMs: number): CareFacts {
  const rows = all<TaskRow>(
    db,
    `SELECT task, due_at_ms AS dueAtMs, cursor, last_finished_at_ms AS finishedAtMs, last_result AS result
     FROM maintenance ORDER BY task`,
  );
  const scrub = rows.find(({ task }) => task === 'scrub');
  const newest = one<{ id: number | null }>(db, 'SELECT max(blob_id) AS id FROM blobs')?.id ?? 0;
  return {
    tasks: rows.map(({ cursor: _cursor, result, ...task }) => ({
      ...task,
      result: result === null ? null : (JSON.parse(result) as Record<string, unknown>),
    })),
    damagedContents: countOf(db, 'blobs WHERE damaged_at_ms IS NOT NULL'),
    damaged: listDamaged(db),
    refused: countOf(db, 'dead_letters WHERE refused_at_ms >= ?', sinceMs),
    quarantined: countOf(db, 'quarantine WHERE quarantined_at_ms >= ?', sinceMs),
    scrub: { through: Number(scrub?.cursor ?? 0), newest },
    audit: auditState(db),
  };
}

function countOf(db: Database, what: string, ...values: number[]): number {
  const sql = `SELECT count(*) AS count FROM (SELECT 1 FROM ${what} LIMIT ${countedAtMost})`;
  return one<{ count: number }>(db, sql, ...values)?.count ?? 0;
}

function listDamaged(db: Database): DamagedContent[] {
  return all<DamagedContent>(
    db,
    `SELECT b.digest, b.size, b.damaged_at_ms AS damagedAtMs, coalesce(b.damage, '') AS reason,
       (SELECT f.file_id FROM conversation_files f WHERE f.file_hash = b.digest LIMIT 1) AS fileId
     FROM blobs b WHERE b.damaged_at_ms IS NOT NULL ORDER BY b.damaged_at_ms LIMIT ${damagedListed}`,
  );
}

function auditState(db: Database): CareFacts['audit'] {
  const head = auditHead(db);
  const sql = 'SELECT pruned_through AS prunedThrough FROM audit_state WHERE id = 1';
  return {
    head: head && head.auditId > 0 ? { auditId: head.auditId, hash: head.hash.toString('hex') } : null,
    prunedThrough: one<{ prunedThrough: number }>(db, sql)?.prunedThrough ?? 0,
  };
}
