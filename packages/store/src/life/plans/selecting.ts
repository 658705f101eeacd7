// Making a plan: slices walk what could be selected and write down what is. Nothing of the store changes.

import type { PlanRequest } from '@filefleet/protocol';
import { all, one } from '../../statements.ts';
import type { SliceMoment } from '../moment.ts';
import { policyInForce } from '../policy.ts';
import {
  beforeAllFiles,
  type FileKey,
  type FileState,
  filesAfter,
  findSessionRow,
  type LifeFile,
  type SessionRow,
  sessionsAfter,
} from '../session-files.ts';
import { bytesToStay } from '../space-limit.ts';
import { hasUnseen, stampUnseen } from '../sweep.ts';
import { type Choice, changePolicy, chooseFiles, graceOf } from './choice.ts';
import type { Plan } from './plan.ts';
import { beginDigest, selectBlob, selectFile } from './selected-rows.ts';

/** Where a walk over sessions stands. */
interface Cursor {
  /** The session under way, or the last one looked at. */
  sessionId: string;
  /** What of the session under way is still to come; the last file that was taken. */
  under?: { choice: Choice; states: FileState[]; after: FileKey; isCounted: boolean };
  /** After the spans, a new space limit: the last candidate. */
  space?: Oldest;
  /** Of a sweep: the last content, and how old they have to be. */
  blobs?: { sinceMs: number; blobId: number; beforeMs: number };
}

/** Place of a session among those without activity for the longest. */
interface Oldest {
  readonly state: 'ended' | 'live';
  readonly lastActivityAtMs: number;
  readonly sessionId: string;
}

/** @returns whether everything is selected. */
export function select(moment: SliceMoment, plan: Plan): boolean {
  plan.digest ??= beginDigest(plan);
  const cursor: Cursor = plan.cursor ? JSON.parse(plan.cursor) : { sessionId: '' };
  const isDone = walk(moment, plan, cursor);
  plan.cursor = isDone ? null : JSON.stringify(cursor);
  return isDone;
}

function walk(moment: SliceMoment, plan: Plan, cursor: Cursor): boolean {
  const { request } = plan;
  if (request.kind === 'sweep') return walkBlobs(moment, plan, cursor, graceOf(request, moment.graceMs));
  if (request.kind === 'purge' && request.fileIds) return takeNamed(moment, plan, request.fileIds);
  if (cursor.space === undefined && !walkSessions(moment, plan, cursor)) return false;
  return request.kind !== 'retention' || walkSpace(moment, plan, request, cursor);
}

function walkSessions(moment: SliceMoment, plan: Plan, cursor: Cursor): boolean {
  const { db, nowMs, budget } = moment;
  const now = { policy: policyInForce(db), nowMs };
  const named = namedSession(plan.request);
  for (;;) {
    if (cursor.under && !takeFiles(moment, plan, cursor)) return false;
    const sessions =
      named === undefined ? sessionsAfter(db, cursor.sessionId, budget.left) : once(moment, named, cursor);
    if (sessions.length === 0) return true;
    for (const session of sessions) {
      if (!budget.take()) return false;
      cursor.sessionId = session.sessionId;
      begin(cursor, chooseFiles(plan.request, session, now));
      if (cursor.under && !takeFiles(moment, plan, cursor)) return false;
    }
  }
}

const namedSession = (request: PlanRequest): string | undefined =>
  'sessionId' in request ? request.sessionId : undefined;

/** The one session that was named, also when only its files know it; nothing the second time. */
function once({ db }: SliceMoment, sessionId: string, cursor: Cursor): SessionRow[] {
  if (cursor.sessionId === sessionId) return [];
  const unknown = { ...nobodysSession, sessionId };
  return [findSessionRow(db, sessionId) ?? unknown];
}

const nobodysSession = {
  state: 'live',
  hold: false,
  lastActivityAtMs: 0,
  endedAtMs: null,
  cleanedAtMs: null,
  softAfterMs: null,
  purgeAfterMs: null,
  takenBytes: null,
} as const;

function begin(cursor: Cursor, choice: Choice): void {
  if (choice.files === 'none') return;
  const states: FileState[] = choice.files === 'all' ? ['active', 'deleted'] : [choice.files];
  cursor.under = { choice, states, after: beforeAllFiles, isCounted: false };
}

/** @returns false when the slice is over before the session's files are. */
function takeFiles(moment: SliceMoment, plan: Plan, cursor: Cursor): boolean {
  const { db, budget } = moment;
  const { sessionId, under } = cursor;
  while (under && under.states[0] !== undefined) {
    const files = filesAfter(db, sessionId, under.states[0], under.after, budget.left);
    if (files.length === 0) {
      under.states.shift();
      under.after = beforeAllFiles;
    }
    for (const file of files) {
      if (!budget.take()) return false;
      under.after = { uploadedAtMs: file.uploadedAtMs, fileId: file.fileId };
      if (!isWanted(moment, plan.request, file)) continue;
      selectFile(db, plan, { ...file, sessionId }, under.choice.files !== 'none' && under.choice.goForGood);
      if (!under.isCounted) plan.sessions += 1;
      under.isCounted = true;
    }
  }
  delete cursor.under;
  return true;
}

/** A purge may ask for files that were deleted long ago. */
function isWanted({ db }: SliceMoment, request: PlanRequest, { fileId }: Pick<LifeFile, 'fileId'>): boolean {
  if (request.kind !== 'purge' || request.deletedBeforeMs === undefined) return true;
  const sql = 'SELECT 1 FROM conversation_files WHERE file_id = ? AND deleted_at_ms < ?';
  return one(db, sql, fileId, request.deletedBeforeMs) !== undefined;
}

/** At most a hundred: one slice, whatever its budget says. */
function takeNamed(moment: SliceMoment, plan: Plan, fileIds: readonly string[]): boolean {
  const { db, nowMs, budget } = moment;
  const now = { policy: policyInForce(db), nowMs };
  const hit = new Set<string>();
  const sql = `SELECT file_id AS fileId, session_id AS sessionId, row_version AS rowVersion, file_hash AS digest,
      file_size AS size FROM conversation_files WHERE file_id = ? AND is_deleted = 1`;
  const named = namedSession(plan.request);
  for (const fileId of new Set(fileIds)) {
    budget.take();
    const file = one<LifeFile & { sessionId: string }>(db, sql, fileId);
    if (!file || (named !== undefined && file.sessionId !== named)) continue;
    const session = findSessionRow(db, file.sessionId);
    if (session && chooseFiles(plan.request, session, now).files === 'none') continue;
    if (!isWanted(moment, plan.request, file)) continue;
    selectFile(db, plan, file, true);
    hit.add(file.sessionId);
  }
  plan.sessions = hit.size;
  return true;
}

const oldestSql = `SELECT session_id AS sessionId, last_activity_at_ms AS lastActivityAtMs FROM sessions
  WHERE state = ? AND hold = 0 AND taken_bytes IS NULL AND (last_activity_at_ms, session_id) > (?, ?)
  ORDER BY last_activity_at_ms, session_id LIMIT 1`;

/** What a new space limit would take: the oldest sessions, ended ones first, until the rest fits. */
function walkSpace(
  moment: SliceMoment,
  plan: Plan,
  request: Extract<PlanRequest, { kind: 'retention' }>,
  cursor: Cursor,
): boolean {
  const { db, nowMs, budget } = moment;
  const policy = policyInForce(db);
  const limit = changePolicy(policy, request).spaceBytes;
  if (limit === null || (policy.spaceBytes !== null && limit >= policy.spaceBytes)) return true;
  let place: Oldest = cursor.space ?? { state: 'ended', lastActivityAtMs: -1, sessionId: '' };
  for (;;) {
    cursor.space = place;
    if (cursor.under && !takeFiles(moment, plan, cursor)) return false;
    if (bytesToStay(db) - plan.blobBytes <= limit) return true;
    if (!budget.take()) return false;
    const { state } = place;
    const next = one<Omit<Oldest, 'state'>>(db, oldestSql, state, place.lastActivityAtMs, place.sessionId);
    if (!next && state === 'live') return true;
    place = next ? { state, ...next } : { state: 'live', lastActivityAtMs: -1, sessionId: '' };
    cursor.space = place;
    const session = next && findSessionRow(db, next.sessionId);
    // What the new spans take was selected before.
    if (!session || chooseFiles(request, session, { policy, nowMs }).files !== 'none') continue;
    cursor.sessionId = session.sessionId;
    begin(cursor, { files: 'all', goForGood: true });
  }
}

/** Contents that no file has named for the grace time. */
function walkBlobs(moment: SliceMoment, plan: Plan, cursor: Cursor, graceMs: number): boolean {
  const { db, budget, nowMs } = moment;
  stampUnseen(moment);
  if (hasUnseen(moment)) return false;
  cursor.blobs ??= { sinceMs: -1, blobId: 0, beforeMs: nowMs - graceMs };
  const place = cursor.blobs;
  const found = all<{ blobId: number; digest: string; size: number; sinceMs: number }>(
    db,
    `SELECT blob_id AS blobId, digest, size, since_ms AS sinceMs FROM unreferenced_blobs
     WHERE since_ms <= ? AND (since_ms, blob_id) > (?, ?) ORDER BY since_ms, blob_id LIMIT ?`,
    place.beforeMs,
    place.sinceMs,
    place.blobId,
    budget.left + 1,
  );
  for (const blob of found) {
    if (!budget.take()) return false;
    selectBlob(db, plan, blob);
    place.sinceMs = blob.sinceMs;
    place.blobId = blob.blobId;
  }
  return true;
}
