// What a store is, said as simply as possible: files, sessions, contents in maps. No SQL, no slices, no triggers. Operations
// are applied one after the other; what retention and plans do is in life.ts.

import { createHash } from 'node:crypto';
import type { PlanRequest } from '@filefleet/protocol';

export interface ModelFile {
  readonly fileId: string;
  readonly sessionId: string;
  filename: string;
  readonly digest: string;
  readonly vm: string;
  readonly origin: string | null;
  readonly metadata: Map<string, string>;
  readonly associations: { type: string; messageId: string | null }[];
  deletedAtMs: number | null;
  readonly uploadedAtMs: number;
  version: number;
}

export interface ModelSession {
  state: 'live' | 'ended';
  readonly firstAtMs: number;
  lastAtMs: number;
  endedAtMs: number | null;
  cleanedAtMs: number | null;
  hold: boolean;
  softAfterMs: number | null;
  purgeAfterMs: number | null;
}

export interface ModelContent {
  isDamaged: boolean;
  /** Since when the sweep knows that no file names it; null: it has not looked since. */
  sinceMs: number | null;
}

export interface SelectedFile {
  readonly fileId: string;
  readonly sessionId: string;
  readonly version: number;
  readonly digest: string;
  readonly references: number;
}

export interface ModelPlan {
  readonly planId: string;
  readonly request: PlanRequest;
  readonly createdAtMs: number;
  state: 'planning' | 'ready' | 'checking' | 'applied' | 'stale' | 'expired';
  files: SelectedFile[];
  /** Digests of a sweep. */
  contents: string[];
  planned: Figures;
  done: Omit<Figures, 'sessions'>;
}

export interface Figures {
  rows: number;
  blobs: number;
  blobBytes: number;
  sessions: number;
}

export interface Model {
  files: Map<string, ModelFile>;
  sessions: Map<string, ModelSession>;
  contents: Map<string, ModelContent>;
  plans: Map<string, ModelPlan>;
  policy: { softAfterMs: number; purgeAfterMs: number; idleAfterMs: number | null };
}

export const dayMs = 24 * 3_600_000;

export const emptyModel = (): Model => ({
  files: new Map(),
  sessions: new Map(),
  contents: new Map(),
  plans: new Map(),
  policy: { softAfterMs: 30 * dayMs, purgeAfterMs: 30 * dayMs, idleAfterMs: null },
});

/** A tiny pool, so that nearly every content is shared. Those of an even number are files on the disk, the others rows. */
export const pool = ['', 'a', 'bb', 'ccc', 'dddd', 'eeeee', 'ffffff', 'ggggggg'].map((text) => ({
  text,
  bytes: Buffer.from(text),
  digest: createHash('sha256').update(text).digest('hex'),
}));
export const textOf = new Map(pool.map(({ digest, text }) => [digest, text]));
export const sizeOf = (digest: string): number => textOf.get(digest)?.length ?? Number.NaN;
export const isFileContent = (digest: string): boolean => sizeOf(digest) % 2 === 0 && sizeOf(digest) > 0;

/** An operation with everything decided that decides its effect. */
export interface Asked {
  readonly name: string;
  readonly operationId: string;
  readonly vm: string;
  readonly fields: Readonly<Record<string, unknown>> & {
    readonly sessionId?: string;
    readonly fileId?: string;
  };
  /** Of a store: whether its bytes come along. */
  readonly withBytes?: boolean;
}

export type Outcome = 'applied' | 'refused' | 'resend';

export const filesOf = (model: Model, sessionId: string): ModelFile[] =>
  [...model.files.values()].filter((file) => file.sessionId === sessionId);

export const referencesOf = (model: Model, digest: string): number =>
  [...model.files.values()].filter((file) => file.digest === digest).length;

/** Takes a soft deletion back. */
export function bringBack(file: ModelFile): void {
  if (file.deletedAtMs === null) return;
  file.deletedAtMs = null;
  file.version += 1;
}

/** @returns whether it was active. */
export function deleteSoftly(file: ModelFile, nowMs: number): boolean {
  if (file.deletedAtMs !== null) return false;
  file.deletedAtMs = nowMs;
  file.version += 1;
  return true;
}

/** @returns the bytes that nobody names any more because of it. */
export function purge(model: Model, file: ModelFile): { blobs: number; blobBytes: number } {
  model.files.delete(file.fileId);
  const content = model.contents.get(file.digest);
  if (!content || referencesOf(model, file.digest) > 0) return { blobs: 0, blobBytes: 0 };
  content.sinceMs = null;
  return { blobs: 1, blobBytes: sizeOf(file.digest) };
}

export function end(session: ModelSession, nowMs: number): void {
  session.state = 'ended';
  session.endedAtMs = nowMs;
}

export function touch(model: Model, sessionId: string, nowMs: number): ModelSession {
  const known = model.sessions.get(sessionId);
  const spans = known ?? {
    firstAtMs: nowMs,
    hold: false,
    softAfterMs: null,
    purgeAfterMs: null,
    lastAtMs: 0,
  };
  const lastAtMs = Math.max(spans.lastAtMs, nowMs);
  const { firstAtMs, hold, softAfterMs, purgeAfterMs } = spans;
  const live: ModelSession = {
    state: 'live',
    firstAtMs,
    lastAtMs,
    endedAtMs: null,
    cleanedAtMs: null,
    hold,
    softAfterMs,
    purgeAfterMs,
  };
  model.sessions.set(sessionId, live);
  return live;
}
