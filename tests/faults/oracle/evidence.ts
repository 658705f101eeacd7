// What is on the disk, read by nobody's code but this: plain SQL and plain files. Nothing of the store is imported, so
// that a fault of the store cannot hide itself.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import SQLite, { type Database } from 'better-sqlite3';

export interface FileEvidence {
  readonly fileId: string;
  readonly sessionId: string;
  readonly filename: string;
  readonly storedFilename: string;
  readonly path: string;
  readonly size: number;
  readonly digest: string;
  readonly isDeleted: number;
  readonly version: number;
  readonly vm: string;
}

export interface LedgerEvidence {
  readonly operationId: string;
  readonly outcome: string;
  readonly receipt: string;
  readonly commitSequence: number;
}

export interface AuditEvidence {
  readonly auditId: number;
  readonly operationId: string | null;
  readonly action: string;
  readonly fileId: string | null;
  readonly commitSequence: number;
}

export interface BlobEvidence {
  readonly digest: string;
  readonly size: number;
  readonly location: string;
  readonly name: string | null;
  readonly bytes: Buffer | null;
}

export interface Evidence {
  readonly dataDir: string;
  readonly files: readonly FileEvidence[];
  readonly ledger: ReadonlyMap<string, LedgerEvidence>;
  /** In the order in which it was written. */
  readonly audit: readonly AuditEvidence[];
  readonly blobs: readonly BlobEvidence[];
  readonly sequences: readonly { sessionId: string; producer: string; last: number }[];
  /** How often 001's log saw each file being uploaded. */
  readonly uploads: ReadonlyMap<string, number>;
  readonly metadata: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** `<file id> <message id>` of each association; a file without a message has an empty one. */
  readonly associations: readonly string[];
  readonly commitSequence: number;
  /** What `integrity_check` and `foreign_key_check` say, when it is not "ok". */
  readonly damage: readonly string[];
}

/** Reads everything in one snapshot; a writer may be running. */
export function readEvidence(dataDir: string): Evidence {
  const db = new SQLite(join(dataDir, 'conversation_files.db'), { readonly: true });
  try {
    return db.transaction(() => read(db, dataDir))();
  } finally {
    db.close();
  }
}

function read(db: Database, dataDir: string): Evidence {
  const all = <Row>(sql: string): Row[] => db.prepare<[], Row>(sql).all();
  const ledger = all<LedgerEvidence>(
    'SELECT operation_id AS operationId, outcome, receipt, commit_sequence AS commitSequence FROM ledger',
  );
  return {
    dataDir,
    files: all<FileEvidence>(
      `SELECT file_id AS fileId, session_id AS sessionId, original_filename AS filename,
              stored_filename AS storedFilename, file_path AS path, file_size AS size, file_hash AS digest,
              is_deleted AS isDeleted, row_version AS version, vm FROM conversation_files`,
    ),
    ledger: new Map(ledger.map((row) => [row.operationId, row])),
    audit: all<AuditEvidence>(
      `SELECT audit_id AS auditId, operation_id AS operationId, action, file_id AS fileId,
              commit_sequence AS commitSequence FROM audit_entries ORDER BY audit_id`,
    ),
    blobs: all<BlobEvidence>(
      'SELECT b.digest, size, location, name, bytes FROM blobs b LEFT JOIN blob_bytes USING (blob_id)',
    ),
    sequences: all('SELECT session_id AS sessionId, producer, last FROM producer_sequences'),
    uploads: countBy(
      all<{ fileId: string }>(`SELECT file_id AS fileId FROM file_access_log WHERE access_type = 'upload'`),
    ),
    metadata: groupMetadata(
      all('SELECT file_id AS fileId, metadata_key AS key, metadata_value AS value FROM file_metadata'),
    ),
    associations: db
      .prepare<[], string>(
        `SELECT file_id || ' ' || coalesce(message_id, '') FROM session_file_associations ORDER BY 1`,
      )
      .pluck()
      .all() as string[],
    commitSequence: db.prepare('SELECT commit_sequence FROM commit_state').pluck().get() as number,
    damage: [
      ...(db.pragma('integrity_check') as { integrity_check: string }[])
        .map((row) => row.integrity_check)
        .filter((text) => text !== 'ok'),
      ...(db.pragma('foreign_key_check') as unknown[]).map((row) => JSON.stringify(row)),
    ],
  };
}

function countBy(rows: readonly { fileId: string }[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { fileId } of rows) counts.set(fileId, (counts.get(fileId) ?? 0) + 1);
  return counts;
}

function groupMetadata(
  rows: readonly { fileId: string; key: string; value: string }[],
): Map<string, Record<string, string>> {
  const byFile = new Map<string, Record<string, string>>();
  for (const { fileId, key, value } of rows) {
    byFile.set(fileId, { ...byFile.get(fileId), [key]: value });
  }
  return byFile;
}

/** Size and digest of what is really kept; undefined when nothing is. */
export function measureBlob(
  dataDir: string,
  { location, name, bytes }: BlobEvidence,
): { digest: string; size: number } | undefined {
  const kept = location === 'inline' ? bytes : readBlobFile(dataDir, name);
  return kept
    ? { digest: createHash('sha256').update(kept).digest('hex'), size: kept.byteLength }
    : undefined;
}

/** Whether a row still names the file: a running writer may have swept it since the evidence was read. */
export function isStillNamed(dataDir: string, name: string | null): boolean {
  const db = new SQLite(join(dataDir, 'conversation_files.db'), { readonly: true });
  try {
    return db.prepare('SELECT 1 FROM blobs WHERE name = ?').get(name) !== undefined;
  } finally {
    db.close();
  }
}

function readBlobFile(dataDir: string, name: string | null): Buffer | undefined {
  const path = join(dataDir, 'blobs', name ?? '');
  return name !== null && existsSync(path) ? readFileSync(path) : undefined;
}
