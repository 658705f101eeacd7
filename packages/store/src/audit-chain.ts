// The chain of the audit: each entry holds the SHA-256 over itself and the hash of the one before it, so that an entry
// that was edited, removed or moved shows, up to the last hash that somebody has written down elsewhere (an anchor).

import { hash } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import { one } from './statements.ts';

/** What the hash covers, column by column as it is stored. */
export interface ChainedEntry {
  readonly auditId: number;
  readonly atMs: number;
  readonly action: string;
  readonly operationId: string | null;
  readonly sessionId: string | null;
  readonly fileId: string | null;
  readonly vm: string | null;
  readonly actor: string | null;
  readonly commitSequence: number;
  /** JSON as text. */
  readonly details: string | null;
}

/** The end of the chain: what the next entry goes on from. */
export interface AuditHead {
  /** Number of the last entry; 0 before the first. */
  readonly auditId: number;
  readonly hash: Buffer;
}

/** What the first entry goes on from. */
export const chainBeginning: Buffer = Buffer.alloc(32);

/** Pure: the columns of an entry in their order, for its row and for its hash: what is stored is what is covered. */
export function columnsOf(entry: ChainedEntry): readonly (string | number | null)[] {
  const { auditId, atMs, action, operationId, sessionId, fileId, vm, actor, commitSequence, details } = entry;
  return [auditId, atMs, action, operationId, sessionId, fileId, vm, actor, commitSequence, details];
}

/** Pure: the hash of an entry that follows one with hash `previous`. */
export function chainHash(previous: Uint8Array, entry: ChainedEntry): Buffer {
  const columns = Buffer.from(JSON.stringify(columnsOf(entry)));
  return hash('sha256', Buffer.concat([previous, columns]), 'buffer'); // half the price of a Hash object
}

/** @returns undefined while the last entry is from before the chain: then `audit.ts` seals what is there first. */
export function auditHead(db: Database): AuditHead | undefined {
  const sql =
    'SELECT audit_id AS auditId, entry_hash AS hash FROM audit_entries ORDER BY audit_id DESC LIMIT 1';
  const last = one<{ auditId: number; hash: Buffer | null }>(db, sql);
  if (!last) return { auditId: 0, hash: chainBeginning };
  return last.hash === null ? undefined : { auditId: last.auditId, hash: last.hash };
}

const rowsSql = `SELECT audit_id AS auditId, at_ms AS atMs, action, operation_id AS operationId, session_id AS sessionId,
    file_id AS fileId, vm, actor, commit_sequence AS commitSequence, details, entry_hash AS hash
  FROM audit_entries WHERE audit_id > ? ORDER BY audit_id LIMIT 1000`;

/** All entries after one, oldest first, in pages, so that no read stays open for long. */
export function* chainedEntries(
  db: Database,
  after: number,
): Generator<ChainedEntry & { readonly hash: Buffer | null }> {
  const page = db.prepare<[number], ChainedEntry & { hash: Buffer | null }>(rowsSql);
  for (let last = after; ; ) {
    const entries = page.all(last);
    yield* entries;
    const end = entries.at(-1);
    if (!end) return;
    last = end.auditId;
  }
}

/** The end of the chain over entries that hold no hash themselves: those from before the chain. O(entries). */
export function hashUnchained(db: Database): AuditHead & { readonly entries: number } {
  let hash = chainBeginning;
  let auditId = 0;
  let entries = 0;
  for (const entry of chainedEntries(db, 0)) {
    hash = chainHash(hash, entry);
    auditId = entry.auditId;
    entries += 1;
  }
  return { auditId, hash, entries };
}
