// Rows of blobs: where the bytes of a digest are. A row means that the bytes are on disk.

import { createHash } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import type { Bytes } from './content.ts';
import { one, run, statement } from './statements.ts';

export interface BlobRow {
  /** Where inline bytes are found. */
  readonly blobId: number;
  readonly digest: string;
  readonly size: number;
  readonly location: 'inline' | 'file';
  readonly name: string | null;
  readonly mimeType: string | null;
}

/** A row, and what is known to be wrong with its bytes. */
export interface KnownBlob extends BlobRow {
  /** Why the bytes are not those of the digest; null when nobody found them to be others. */
  readonly damage: string | null;
}

/** The row of a digest, damaged or not. */
export function findBlob(db: Database, digest: string): KnownBlob | undefined {
  const sql = `SELECT blob_id AS blobId, digest, size, location, name, mime_type AS mimeType, damage
    FROM blobs WHERE digest = ?`;
  return one<KnownBlob>(db, sql, digest);
}

/** Where the bytes of a digest are; damaged ones count as not held. */
export function findHeldBlob(db: Database, digest: string): KnownBlob | undefined {
  const blob = findBlob(db, digest);
  return blob?.damage === null ? blob : undefined;
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
  if (content.kind === 'inline') insertBytes(db, blobId, content.bytes);
  return { blobId, digest, size, location, name, mimeType: content.mimeType };
}

/**
 * Notes that the bytes of a content are not those of its digest, unless they were stored anew since somebody looked.
 * @param looked.name the file that was looked at, null for bytes in the database; undefined when nobody knows.
 * @returns whether it was noted: false for a row that is gone, changed, or known to be damaged.
 */
export function markBlobDamaged(
  db: Database,
  looked: { readonly blobId: number; readonly digest: string; readonly name?: string | null | undefined },
  reason: string,
  nowMs: number,
): boolean {
  const blob = findHeldBlob(db, looked.digest);
  if (blob?.blobId !== looked.blobId) return false;
  if (looked.name !== undefined && looked.name !== blob.name) return false;
  if (blob.location === 'inline' && isSound(db, blob)) return false;
  run(db, 'UPDATE blobs SET damaged_at_ms = ?, damage = ? WHERE blob_id = ?', nowMs, reason, blob.blobId);
  return true;
}

/** Gives a damaged content its bytes again: same row, new place, and every file of the digest is whole. */
export function healBlob(db: Database, blob: KnownBlob, content: Bytes): BlobRow {
  const name = content.kind === 'file' ? content.name : null;
  run(db, 'DELETE FROM blob_bytes WHERE blob_id = ?', blob.blobId);
  const sql = `UPDATE blobs SET location = ?, name = ?, mime_type = ?, damaged_at_ms = NULL, damage = NULL
    WHERE blob_id = ?`;
  run(db, sql, content.kind, name, content.mimeType, blob.blobId);
  if (content.kind === 'inline') insertBytes(db, blob.blobId, content.bytes);
  const { blobId, digest, size } = blob;
  const healed: BlobRow = { blobId, digest, size, location: content.kind, name, mimeType: content.mimeType };
  const path = blobPath(healed);
  if (path !== blobPath(blob))
    run(db, 'UPDATE conversation_files SET file_path = ? WHERE file_hash = ?', path, digest);
  return healed;
}

/** Small bytes are at hand in the transaction, so nobody's word is needed. */
function isSound(db: Database, { blobId, digest }: BlobRow): boolean {
  const row = one<{ bytes: Buffer }>(db, 'SELECT bytes FROM blob_bytes WHERE blob_id = ?', blobId);
  return row !== undefined && createHash('sha256').update(row.bytes).digest('hex') === digest;
}

function insertBytes(db: Database, blobId: number, bytes: Uint8Array): void {
  statement(db, 'INSERT INTO blob_bytes (blob_id, bytes) VALUES (?, ?)').run(blobId, bytes);
}

/** 001's `file_path`: the blob's file relative to the data folder, or `inline:<digest>`. */
export function blobPath(blob: BlobRow): string {
  return blob.location === 'file' ? `blobs/${blob.name}` : `inline:${blob.digest}`;
}
