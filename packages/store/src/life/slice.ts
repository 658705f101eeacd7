// What the writer's maintenance asks of the store: one slice of work at a time, each a short transaction of its own.

import type { Bytes } from '../content.ts';

/** Which work. The commit thread does one slice between two groups. */
export type SliceRequest =
  /** Takes over the spans that the configuration gives, and leaves those that it says nothing about; shorter ones than those in force are not taken. */
  | { readonly kind: 'policy'; readonly policy: Partial<RetentionPolicy> }
  /** The next slice of the oldest plan that is being made, checked or applied; old plans expire. */
  | {
      readonly kind: 'plan';
      /** The grace of a sweep whose plan names none, in milliseconds; 24 hours when left out. */
      readonly graceMs?: number;
    }
  /** Ends idle sessions, deletes softly what is due, purges what was deleted long enough ago. */
  | { readonly kind: 'retention' }
  /** The writer's clock moved: before retention does anything else, sessions that the audit names after that entry wait anew. */
  | { readonly kind: 'postpone'; readonly sinceAuditId: number }
  /** Removes rows of contents that nobody has named for `graceMs`. */
  | { readonly kind: 'sweep'; readonly graceMs: number }
  /** Second look at blob files that seemed to have no row: names below `blobs/`. */
  | { readonly kind: 'orphans'; readonly names: readonly string[] }
  /** A content whose bytes were found to be others than its digest says, or gone. */
  | {
      readonly kind: 'damaged';
      readonly blobId: number;
      readonly digest: string;
      readonly reason: string;
      /**
       * The file's name that was looked at, null for bytes in the database. When it is given, a content that was stored anew
       * meanwhile is not marked for what its old file was.
       */
      readonly name?: string | null | undefined;
    }
  /** Bytes of a damaged content from elsewhere, checked against its digest; `from` is for the audit. */
  | { readonly kind: 'heal'; readonly digest: string; readonly content: Bytes; readonly from: string }
  /** Forgets audit entries from before a moment, leaving a checkpoint. */
  | { readonly kind: 'audit-prune'; readonly beforeMs: number }
  /** Takes what is new, changed or gone into the index of the search, or merges what such slices wrote. */
  | { readonly kind: 'search' }
  /** Notes when a periodic task is due next, and what it did. */
  | { readonly kind: 'task'; readonly task: string; readonly note: TaskNote };

/** Spans in milliseconds; null: that limit is not set. */
export interface RetentionPolicy {
  readonly softAfterMs: number;
  readonly purgeAfterMs: number;
  readonly idleAfterMs: number | null;
  readonly spaceBytes: number | null;
}

export interface TaskNote {
  readonly dueAtMs?: number | null;
  readonly cursor?: string | null;
  readonly startedAtMs?: number;
  readonly finishedAtMs?: number;
  /** JSON. */
  readonly result?: string;
}

/** What a slice did. */
export interface Slice {
  /** Whether the same request would find more to do at once. */
  readonly more: boolean;
  /** Rows that it looked at or changed. */
  readonly rows: number;
  /** Contents whose rows are gone: their files may be unlinked now, after the COMMIT. */
  readonly swept: readonly SweptBlob[];
  /** What people should hear of, with its fields. */
  readonly events: readonly SliceEvent[];
}

export interface SweptBlob {
  readonly digest: string;
  readonly size: number;
  /** The file's name below `blobs/`; null when the bytes were in the database. */
  readonly name: string | null;
}

export type SliceEvent =
  | { readonly event: 'session.ended'; readonly sessionId: string; readonly because: 'idle' | 'space' }
  | { readonly event: 'session.cleaned'; readonly sessionId: string; readonly files: number }
  | { readonly event: 'session.purged'; readonly sessionId: string; readonly files: number }
  /** Their times may have been written by a clock that was behind. */
  | { readonly event: 'sessions.postponed'; readonly sessions: number }
  | {
      readonly event: 'plan.ready';
      readonly planId: string;
      readonly rows: number;
      readonly blobBytes: number;
    }
  | {
      readonly event: 'plan.finished';
      readonly planId: string;
      readonly state: 'applied' | 'stale' | 'expired';
      readonly rows: number;
      readonly blobBytes: number;
      readonly skipped: number;
    }
  | {
      readonly event: 'policy.kept';
      readonly inForce: RetentionPolicy;
      readonly configured: Partial<RetentionPolicy>;
    }
  | { readonly event: 'audit.pruned'; readonly through: number; readonly entries: number };
