// What the store holds, by day, by type and by what retention will do: there is no table of these figures, so whoever wants
// them walks over files and sessions in slices, each of them short, and adds the slices up.

import type { Database } from 'better-sqlite3';
import { nextStep, type SessionLife } from '../life/fate.ts';
import { all } from '../statements.ts';
import { getRetention, type RetentionFacts } from './sessions.ts';

/** Rows that one call looks at: about two milliseconds. */
export const surveySliceRows = 1_000;
const dayMs = 86_400_000;

/** Files of one day and type. */
export interface FileGroup {
  /** Days since 1970, UTC, of the time at which they were stored. */
  readonly day: number;
  readonly mimeType: string | null;
  readonly files: number;
  readonly bytes: number;
  readonly deletedFiles: number;
  readonly deletedBytes: number;
}

/** What retention will do on one day, if nobody does anything until then. */
export interface DueGroup {
  /** Days since 1970, UTC; what is overdue counts for the first day. */
  readonly day: number;
  readonly step: 'end' | 'soft' | 'purge';
  readonly sessions: number;
  readonly files: number;
  readonly bytes: number;
}

export interface SurveySlice<Group, Key> {
  readonly groups: readonly Group[];
  /** Rows that this call looked at. */
  readonly scanned: number;
  /** Only when there may be more. */
  readonly next?: Key;
}

/** @param after `next` of the slice before; 0 for the first one. */
export function surveyFiles(db: Database, after: number): SurveySlice<FileGroup, number> {
  type Row = FileGroup & { last: number };
  const rows = all<Row>(
    db,
    `SELECT day, mimeType, sum(deleted = 0) AS files, sum(iif(deleted = 0, size, 0)) AS bytes,
       sum(deleted = 1) AS deletedFiles, sum(iif(deleted = 1, size, 0)) AS deletedBytes, max(id) AS last
     FROM (SELECT rowid AS id, coalesce(uploaded_at_ms, 0) / ${dayMs} AS day, file_size AS size, is_deleted AS deleted,
             coalesce(mime_type, declared_mime_type) AS mimeType
           FROM conversation_files WHERE rowid > ? ORDER BY rowid LIMIT ${surveySliceRows})
     GROUP BY day, mimeType`,
    after,
  );
  const groups = rows.map(({ last: _last, ...group }) => group);
  const scanned = groups.reduce((sum, { files, deletedFiles }) => sum + files + deletedFiles, 0);
  if (scanned < surveySliceRows) return { groups, scanned };
  return { groups, scanned, next: Math.max(...rows.map(({ last }) => last)) };
}

export interface DueOptions {
  /** `next` of the slice before; the empty text for the first one. */
  readonly after: string;
  /** The calendar begins here and ends there, in milliseconds since 1970. */
  readonly fromMs: number;
  readonly untilMs: number;
}

type SessionRow = Omit<SessionLife, 'hold'> & {
  readonly sessionId: string;
  readonly hold: 0 | 1;
  readonly files: number;
  readonly bytes: number;
  readonly deletedFiles: number;
  readonly deletedBytes: number;
};

/** Steps of retention with sessions, by day. */
export function surveyDue(db: Database, options: DueOptions): SurveySlice<DueGroup, string> {
  const policy = getRetention(db);
  const rows = all<SessionRow>(
    db,
    `WITH slice AS MATERIALIZED (SELECT * FROM sessions WHERE session_id > ? ORDER BY session_id LIMIT ${surveySliceRows})
     SELECT s.session_id AS sessionId, s.state, s.hold, s.last_activity_at_ms AS lastActivityAtMs,
       s.ended_at_ms AS endedAtMs, s.cleaned_at_ms AS cleanedAtMs, s.soft_after_ms AS softAfterMs,
       s.purge_after_ms AS purgeAfterMs, coalesce(u.files, 0) AS files, coalesce(u.bytes, 0) AS bytes,
       coalesce(u.deleted_files, 0) AS deletedFiles, coalesce(u.deleted_bytes, 0) AS deletedBytes
     FROM slice s LEFT JOIN usage u ON u.scope = 'session' AND u.name = s.session_id ORDER BY s.session_id`,
    options.after,
  );
  const groups = new Map<string, DueGroup>();
  for (const row of policy ? rows : []) {
    for (const step of stepsOf(row, policy as RetentionFacts, options)) {
      const key = `${step.day} ${step.step}`;
      const { sessions = 0, files = 0, bytes = 0 } = groups.get(key) ?? {};
      groups.set(key, {
        ...step,
        sessions: sessions + 1,
        files: files + step.files,
        bytes: bytes + step.bytes,
      });
    }
  }
  const slice = { groups: [...groups.values()], scanned: rows.length };
  const last = rows.at(-1);
  return rows.length < surveySliceRows || !last ? slice : { ...slice, next: last.sessionId };
}

/** What happens to a session within the calendar, one step after the other. */
function stepsOf(row: SessionRow, policy: RetentionFacts, { fromMs, untilMs }: DueOptions): DueGroup[] {
  const steps: DueGroup[] = [];
  let life: SessionLife = { ...row, hold: row.hold === 1 };
  for (;;) {
    const next = nextStep(life, policy);
    if (!next || next.dueAtMs >= untilMs) return steps;
    const atMs = Math.max(fromMs, next.dueAtMs);
    const { step } = next;
    const files = step === 'purge' ? row.files + row.deletedFiles : row.files;
    const bytes = step === 'purge' ? row.bytes + row.deletedBytes : row.bytes;
    steps.push({ day: Math.floor(atMs / dayMs), step, sessions: 1, files, bytes });
    if (step === 'purge') return steps;
    life = step === 'end' ? { ...life, state: 'ended', endedAtMs: atMs } : { ...life, cleanedAtMs: atMs };
  }
}
