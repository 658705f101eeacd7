// Sessions, the most recently used first, with what they hold.

import type { Database } from 'better-sqlite3';
import { all } from '../statements.ts';
import { checkedLimit } from './bounds.ts';

export interface SessionFacts {
  readonly sessionId: string;
  readonly state: 'live' | 'ended';
  /** Files that are not deleted. */
  readonly files: number;
  /** Bytes of those files as users see them: shared bytes count for each. */
  readonly logicalBytes: number;
  readonly firstActivityAtMs: number;
  readonly lastActivityAtMs: number;
  readonly endedAtMs: number | null;
}

/** @throws StoreError LIMIT_INVALID */
export function listSessions(db: Database, options: { limit?: number } = {}): SessionFacts[] {
  return all(
    db,
    `WITH latest AS MATERIALIZED (
       SELECT * FROM sessions ORDER BY last_activity_at_ms DESC, session_id DESC LIMIT ?)
     SELECT s.session_id AS sessionId, s.state, s.first_activity_at_ms AS firstActivityAtMs,
            s.last_activity_at_ms AS lastActivityAtMs, s.ended_at_ms AS endedAtMs,
            (SELECT count(*) FROM conversation_files f WHERE f.session_id = s.session_id AND f.is_deleted = 0) AS files,
            (SELECT coalesce(sum(f.file_size), 0) FROM conversation_files f
              WHERE f.session_id = s.session_id AND f.is_deleted = 0) AS logicalBytes
     FROM latest s ORDER BY s.last_activity_at_ms DESC, s.session_id DESC`,
    checkedLimit(options.limit),
  );
}
