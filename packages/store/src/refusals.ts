// Where refused operations and jobs that nobody could read are kept, bounded, until somebody looks at them.

import type { Operation, RefusedCode } from '@filefleet/protocol';
import type { Database } from 'better-sqlite3';
import { one, run } from './statements.ts';

/** Rows kept at most in each of the two; the oldest go first. */
export const keptRefusals = Object.freeze({ deadLetters: 10_000, quarantine: 10_000 });

export function insertDeadLetter(
  db: Database,
  operation: Operation,
  refusal: { code: RefusedCode; message: string | undefined },
  nowMs: number,
): void {
  const { name, payload } = operation;
  run(
    db,
    `INSERT INTO dead_letters (operation_id, name, vm, session_id, code, message, payload, refused_at_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    payload.operationId,
    name,
    payload.vm,
    'sessionId' in payload ? payload.sessionId : null,
    refusal.code,
    refusal.message ?? null,
    JSON.stringify(payload),
    nowMs,
  );
}

export interface MalformedJob {
  readonly jobId: string;
  readonly name: string;
  readonly code: string;
  readonly reason: string;
  /** What the job carried, as text, cut to a bound. */
  readonly payloadText: string;
  /** File below `quarantine/` with its bytes, when there are some. */
  readonly bytesName?: string;
}

/** A job that comes again under its id, unread and unchanged, is not kept twice. */
export function insertQuarantined(db: Database, job: MalformedJob, nowMs: number): void {
  const seen = one(
    db,
    'SELECT 1 FROM quarantine WHERE job_id = ? AND code = ? AND payload = ? ORDER BY quarantine_id DESC LIMIT 1',
    job.jobId,
    job.code,
    job.payloadText,
  );
  if (seen) return;
  run(
    db,
    'INSERT INTO quarantine (job_id, name, code, reason, payload, bytes_name, quarantined_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?)',
    job.jobId,
    job.name,
    job.code,
    job.reason,
    job.payloadText,
    job.bytesName ?? null,
    nowMs,
  );
}

/** Removes what is over the bounds, oldest first. @returns how many rows went. */
export function pruneRefusals(
  db: Database,
  kept: { deadLetters: number; quarantine: number } = keptRefusals,
): number {
  return (
    run(
      db,
      `DELETE FROM dead_letters WHERE operation_id IN
         (SELECT operation_id FROM dead_letters ORDER BY refused_at_ms DESC LIMIT -1 OFFSET ?)`,
      kept.deadLetters,
    ) +
    run(
      db,
      `DELETE FROM quarantine WHERE quarantine_id IN
         (SELECT quarantine_id FROM quarantine ORDER BY quarantine_id DESC LIMIT -1 OFFSET ?)`,
      kept.quarantine,
    )
  );
}
