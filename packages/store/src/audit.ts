// The audit: append-only, in the transaction of the effect, without a foreign key so that it outlives its file.
// 001's access log is filled beside it for tools that read 001.

import type { Database } from 'better-sqlite3';
import { run } from './statements.ts';

export interface AuditFacts {
  readonly action: string;
  readonly operationId: string | null;
  readonly sessionId: string | null;
  readonly fileId: string | null;
  readonly vm: string | null;
  readonly actor: string | null;
  readonly details?: Record<string, unknown>;
}

export function insertAuditEntry(
  db: Database,
  facts: AuditFacts,
  atMs: number,
  commitSequence: number,
): void {
  run(
    db,
    `INSERT INTO audit_entries (at_ms, action, operation_id, session_id, file_id, vm, actor, commit_sequence, details)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    atMs,
    facts.action,
    facts.operationId,
    facts.sessionId,
    facts.fileId,
    facts.vm,
    facts.actor,
    commitSequence,
    facts.details ? JSON.stringify(facts.details) : null,
  );
}

/** 001's log knows these kinds; 'upload' is written by its trigger. */
export type AccessType = 'download' | 'view' | 'delete' | 'restore';

/** @returns false when the file has no row (any more): then only the audit can tell. */
export function insertAccessEntry(
  db: Database,
  entry: { fileId: string; accessType: AccessType; accessedBy: string | null; atMs: number },
): boolean {
  const changes = run(
    db,
    `INSERT INTO file_access_log (file_id, access_type, accessed_by, accessed_at)
     SELECT file_id, ?, ?, datetime(? / 1000, 'unixepoch') FROM conversation_files WHERE file_id = ?`,
    entry.accessType,
    entry.accessedBy,
    entry.atMs,
    entry.fileId,
  );
  return changes > 0;
}
