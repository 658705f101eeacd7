// Rows of blobs: where the bytes of a digest are. A row means that the bytes are on disk.

import type { Database } from 'better-sqlite3';
import type { Bytes } from './content.ts';
import { one, statement } from './statements.ts';

export interface BlobRow {
  /** Where inline bytes are found. */
  readonly blobId: number;
  readonly digest: string;
  readonly size: number;
  readonly location: 'inline' | 'file';
  readonly name: string | null;
  readonly mimeType: string | null;
}

export function findBlob(db: Database, digest: string): BlobRow | undefined {
  const sql =
    'SELECT blob_id AS blobId, digest, size, location, name, mime_type AS mimeType FROM blobs WHERE digest = ?';
  return one<BlobRow>(db, sql, digest);
}

export function insertBlob(
  db: Database,
  digest: string,
  size: number,
  content: Bytes,
  nowMs: number,
): BlobRow {
  const location = content.kind;
  const name = content.kind === 'file' ? content.name : null;
  const sql =
    'INSERT INTO blobs (digest, size, location, name, mime_type, created_at_ms) VALUES (?, ?, ?, ?, ?, ?)';
  const row = statement(db, sql).run(digest, size, location, name, content.mimeType, nowMs);
  const blobId = Number(row.lastInsertRowid);
  if (content.kind === 'inline') {
    statement(db, 'INSERT INTO blob_bytes (blob_id, bytes) VALUES (?, ?)').run(blobId, content.bytes);
  }
  return { blobId, digest, size, location, name, mimeType: content.mimeType };
}

/** 001's `file_path`: the blob's file relative to the data folder, or `inline:<digest>`. */
export function blobPath(blob: BlobRow): string {
  return blob.location === 'file' ? `blobs/${blob.name}` : `inline:${blob.digest}`;
}
