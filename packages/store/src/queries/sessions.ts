// Sessions, the most recently used first, with what they hold and how long retention lets it be.

import type { Database } from 'better-sqlite3';
import { nextStep } from '../life/fate.ts';
import { all, one } from '../statements.ts';
import { checkedLimit } from './bounds.ts';
import type { Usage } from './statistics.ts';

export interface SessionFacts extends Usage {
  readonly sessionId: string;
  readonly state: 'live' | 'ended';
  readonly firstActivityAtMs: number;
  readonly lastActivityAtMs: number;
  readonly endedAtMs: number | null;
  /** Since when retention has deleted all of its files softly. */
  readonly cleanedAtMs: number | null;
  /** Kept for ever: neither retention nor a purge takes its files. */
  readonly hold: boolean;
  /** Spans of its own, in milliseconds; null: those of the policy. */
  readonly softAfterMs: number | null;
  readonly purgeAfterMs: number | null;
  /** When retention takes its next step with it; null: never, unless somebody does something. */
  readonly dueAtMs: number | null;
}

/** The policy in force. Spans in milliseconds; null: that limit is not set. */
export interface RetentionFacts {
  readonly softAfterMs: number;
  readonly purgeAfterMs: number;
  readonly idleAfterMs: number | null;
  readonly spaceBytes: number | null;
  /** 0 while it is the one that a new database has. */
  readonly changedAtMs: number;
}

type Row = Omit<SessionFacts, 'hold' | 'dueAtMs'> & { hold: 0 | 1 };

const columns = `s.session_id AS sessionId, s.state, s.first_activity_at_ms AS firstActivityAtMs,
  s.last_activity_at_ms AS lastActivityAtMs, s.ended_at_ms AS endedAtMs, s.cleaned_at_ms AS cleanedAtMs, s.hold,
  s.soft_after_ms AS softAfterMs, s.purge_after_ms AS purgeAfterMs, coalesce(u.files, 0) AS files,
  coalesce(u.bytes, 0) AS logicalBytes, coalesce(u.deleted_files, 0) AS deletedFiles,
  coalesce(u.deleted_bytes, 0) AS deletedBytes`;
const withUsage = "LEFT JOIN usage u ON u.scope = 'session' AND u.name = s.session_id";

/** @throws StoreError LIMIT_INVALID */
export function listSessions(db: Database, options: { limit?: number } = {}): SessionFacts[] {
  const sql = `WITH latest AS MATERIALIZED (
      SELECT * FROM sessions ORDER BY last_activity_at_ms DESC, session_id DESC LIMIT ?)
    SELECT ${columns} FROM latest s ${withUsage} ORDER BY s.last_activity_at_ms DESC, s.session_id DESC`;
  return all<Row>(db, sql, checkedLimit(options.limit)).map(factsBy(db));
}

/** @returns undefined for a session that nobody knows (any more). */
export function findSession(db: Database, sessionId: string): SessionFacts | undefined {
  const row = one<Row>(
    db,
    `SELECT ${columns} FROM sessions s ${withUsage} WHERE s.session_id = ?`,
    sessionId,
  );
  return row && factsBy(db)(row);
}

export function getRetention(db: Database): RetentionFacts | undefined {
  return one<RetentionFacts>(
    db,
    `SELECT soft_after_ms AS softAfterMs, purge_after_ms AS purgeAfterMs, idle_after_ms AS idleAfterMs,
       space_bytes AS spaceBytes, changed_at_ms AS changedAtMs FROM retention_policy WHERE id = 1`,
  );
}

function factsBy(db: Database): (row: Row) => SessionFacts {
  const policy = getRetention(db);
  return (row) => {
    const session = { ...row, hold: row.hold === 1 };
    return { ...session, dueAtMs: (policy && nextStep(session, policy)?.dueAtMs) ?? null };
  };
}
