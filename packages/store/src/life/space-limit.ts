// The space limit, opt-in: when the store holds more bytes than it may, the sessions without activity for the longest go,
// ended ones before live ones, held ones never. Their files are deleted softly at once and purged a day later; what is on its
// way already counts as gone, so that no more is taken than needed.

import type { Database } from 'better-sqlite3';
import { one, run, statement } from '../statements.ts';
import { type Cause, clearSoftly } from './clear-files.ts';
import type { SliceMoment } from './moment.ts';
import type { PolicyInForce } from './policy.ts';
import { beforeAllFiles, filesAfter, type LifeFile, type SessionRow } from './session-files.ts';
import { endByLimit, noteCleaned } from './session-steps.ts';
import type { Walk } from './walk.ts';

/** For this long a session that the limit took can be brought back, in milliseconds. */
export const takenForMs = 24 * 3_600_000;

const cause: Cause = { actor: 'retention', because: 'space_limit' };

/** Whether the limit has taken it, and nobody has come back to it since. */
export const isOnItsWay = (session: SessionRow): boolean => session.takenBytes !== null && !session.hold;

/** Bytes that the store will hold when everything that is on its way has gone. */
export function bytesToStay(db: Database): number {
  const sql = `SELECT (SELECT coalesce(sum(iif(location = 'unreferenced', -bytes, bytes)), 0) FROM blob_usage)
      - (SELECT coalesce(sum(taken_bytes), 0) FROM sessions WHERE hold = 0 AND taken_bytes IS NOT NULL) AS bytes`;
  return one<{ bytes: number }>(db, sql)?.bytes ?? 0;
}

interface Candidate {
  readonly sessionId: string;
  readonly state: 'live' | 'ended';
}

/** For the test that it is answered by its index. A session without files would free nothing. */
export const oldestSql = `SELECT s.session_id AS sessionId, s.state FROM sessions s
  WHERE s.state = ? AND s.hold = 0 AND s.taken_bytes IS NULL
    AND EXISTS (SELECT 1 FROM conversation_files f WHERE f.session_id = s.session_id)
  ORDER BY s.last_activity_at_ms LIMIT 1`;

/** Takes the next session, if the limit asks for one. */
export function beginSpaceWalk(moment: SliceMoment, policy: PolicyInForce): Walk | undefined {
  const { db } = moment;
  if (policy.spaceBytes === null || bytesToStay(db) <= policy.spaceBytes) return undefined;
  const candidate = one<Candidate>(db, oldestSql, 'ended') ?? one<Candidate>(db, oldestSql, 'live');
  if (!candidate) return undefined;
  const { sessionId, state } = candidate;
  if (state === 'live') endByLimit(moment, sessionId, 'space');
  run(
    db,
    `UPDATE sessions SET taken_bytes = 0, untaken_purge_after_ms = purge_after_ms,
       purge_after_ms = min(coalesce(purge_after_ms, ?), ?) WHERE session_id = ?`,
    policy.purgeAfterMs,
    takenForMs,
    sessionId,
  );
  return { step: 'space', sessionId, files: 0, counted: beforeAllFiles };
}

/** @returns false when the slice is over before the session is done. */
export function walkForSpace(moment: SliceMoment, walk: Walk): boolean {
  const { db, budget } = moment;
  const { sessionId } = walk;
  while (walk.counted) {
    const files = filesAfter(db, sessionId, 'deleted', walk.counted, budget.left);
    if (files.length === 0) walk.counted = null;
    for (const file of files) {
      if (!budget.take()) return false;
      addTaken(moment, sessionId, file, true);
      walk.counted = { uploadedAtMs: file.uploadedAtMs, fileId: file.fileId };
    }
  }
  for (;;) {
    const files = filesAfter(db, sessionId, 'active', beforeAllFiles, budget.left);
    if (files.length === 0) break;
    for (const file of files) {
      if (!budget.take()) return false;
      if (clearSoftly(moment, file.fileId, cause)) walk.files += 1;
      addTaken(moment, sessionId, file, false);
    }
  }
  if (!budget.take()) return false;
  noteCleaned(moment, sessionId, walk.files);
  return true;
}

interface Other {
  readonly fileId: string;
  readonly uploadedAtMs: number;
  readonly isOurs: 0 | 1;
  readonly goes: 0 | 1;
}

const othersSql = `SELECT f.file_id AS fileId, f.uploaded_at_ms AS uploadedAtMs, f.session_id = ? AS isOurs,
    f.is_deleted = 1 AND s.taken_bytes IS NOT NULL AND s.hold = 0 AS goes
  FROM conversation_files f LEFT JOIN sessions s ON s.session_id = f.session_id
  WHERE f.file_hash = ? AND f.file_id <> ?`;

/**
 * Counts a file's bytes if it is the last of its content that was not on its way: each content counts once.
 * @param isCounting its session's files from before are being counted: one of them that comes later will count then.
 */
function addTaken({ db }: SliceMoment, sessionId: string, file: LifeFile, isCounting: boolean): void {
  const others = statement(db, othersSql).iterate(sessionId, file.digest, file.fileId);
  for (const other of others as IterableIterator<Other>) {
    if (other.goes !== 1) return;
    if (isCounting && other.isOurs === 1 && isAfter(other, file)) return;
  }
  run(
    db,
    `UPDATE sessions SET taken_bytes = taken_bytes + coalesce((SELECT size FROM blobs WHERE digest = ?), 0)
     WHERE session_id = ?`,
    file.digest,
    sessionId,
  );
}

const isAfter = (a: { uploadedAtMs: number; fileId: string }, b: LifeFile): boolean =>
  a.uploadedAtMs === b.uploadedAtMs ? a.fileId > b.fileId : a.uploadedAtMs > b.uploadedAtMs;
