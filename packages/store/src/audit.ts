// The audit: append-only, in the transaction of the effect, without a foreign key so that it outlives its file.
// 001's access log is filled beside it for tools that read 001.

import type { Database } from 'better-sqlite3';
import { type AuditHead, auditHead, chainHash, columnsOf, hashUnchained } from './audit-chain.ts';
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

/** Appends an entry, chained to the last one. */
export function insertAuditEntry(
  db: Database,
  facts: AuditFacts,
  atMs: number,
  commitSequence: number,
): void {
  // Read and not remembered: a savepoint that is rolled back takes the end of the chain back with it.
  const head = auditHead(db) ?? sealAudit(db, atMs, commitSequence);
  append(db, head, facts, atMs, commitSequence);
}

/**
 * Takes the entries from before the chain into it: a first chained entry that goes on from the hash over all of them.
 * @returns the new end of the chain; the old one when there is nothing to seal.
 */
export function sealAudit(db: Database, atMs: number, commitSequence: number): AuditHead {
  const head = auditHead(db);
  if (head) return head;
  const { entries, ...unchained } = hashUnchained(db);
  const facts = { ...nobody, action: 'audit-seal', details: { entries, through: unchained.auditId } };
  return append(db, unchained, facts, atMs, commitSequence);
}

const nobody = { operationId: null, sessionId: null, fileId: null, vm: null, actor: null };

function append(
  db: Database,
  head: AuditHead,
  facts: AuditFacts,
  atMs: number,
  commitSequence: number,
): AuditHead {
  const details = facts.details ? JSON.stringify(facts.details) : null;
  const auditId = head.auditId + 1;
  const entry = { ...facts, auditId, atMs, commitSequence, details };
  const hash = chainHash(head.hash, entry);
  run(
    db,
    `INSERT INTO audit_entries (audit_id, at_ms, action, operation_id, session_id, file_id, vm, actor, commit_sequence,
       details, entry_hash)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ...columnsOf(entry),
    hash,
  );
  return { auditId, hash };
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
