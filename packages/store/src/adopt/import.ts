// Brings the bytes of adopted rows into the store that is being built: small ones into the database, large ones as blob files,
// each file fsynced under its name before a row names it.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { insertAuditEntry } from '../audit.ts';
import { copyFrom, fsyncPath } from '../backup/files.ts';
import { blobPath, insertBlob } from '../blob-rows.ts';
import type { Bytes } from '../content.ts';
import { blobsDir } from '../data-dir.ts';
import { run } from '../statements.ts';
import type { RowReport } from './report.ts';
import { changed } from './source.ts';
import type { Storage, StorageFile } from './storage.ts';

export interface ImportOptions {
  readonly db: Database;
  readonly dataDir: string;
  readonly storage: Storage;
  readonly epoch: number;
  /** Largest content that goes into the database, in bytes. */
  readonly inlineBytes: number;
  readonly nowMs: number;
  readonly onStep?: ((step: string) => void) | undefined;
}

interface Loaded {
  readonly digest: string;
  readonly size: number;
  readonly bytes: Bytes;
}

/** Contents per transaction. */
const batchContents = 100;

export async function importContents(
  options: ImportOptions,
  contents: ReadonlyMap<string, StorageFile>,
): Promise<{ readonly contents: number; readonly bytes: number }> {
  let counter = 0;
  let bytes = 0;
  let batch: Loaded[] = [];
  const flush = () => {
    insertBatch(options, batch);
    batch = [];
    options.onStep?.('adopt.batch');
  };
  const folders = new Set<string>();
  for (const [digest, file] of contents) {
    counter += 1;
    bytes += file.size;
    batch.push(await load(options, digest, file, `${options.epoch}-${counter}`));
    folders.add(digest.slice(0, 2));
    if (batch.length === batchContents) flush();
  }
  flush();
  // Before the store is switched in; nobody looks at it until then.
  for (const folder of folders) await fsyncPath(join(blobsDir(options.dataDir), folder));
  return { contents: contents.size, bytes };
}

/** @throws StoreError SOURCE_CHANGED when the bytes are no longer those that were hashed. */
async function load(
  { storage, dataDir, inlineBytes }: ImportOptions,
  digest: string,
  file: StorageFile,
  incarnation: string,
): Promise<Loaded> {
  const { size } = file;
  if (size <= inlineBytes) {
    const bytes = await storage.read(file, (handle) => handle.readFile());
    if (createHash('sha256').update(bytes).digest('hex') !== digest) throw changed(file.path);
    return { digest, size, bytes: { kind: 'inline', bytes, mimeType: null } };
  }
  const name = `${digest.slice(0, 2)}/${digest}.${incarnation}`;
  const copied = await storage.read(file, (handle) => copyFrom(handle, join(blobsDir(dataDir), name)));
  if (copied.sha256 !== digest) throw changed(file.path);
  return { digest, size, bytes: { kind: 'file', name, mimeType: null } };
}

function insertBatch({ db, nowMs }: ImportOptions, batch: readonly Loaded[]): void {
  const insert = db.transaction(() => {
    for (const { digest, size, bytes } of batch) {
      const blob = insertBlob(db, digest, size, bytes, nowMs);
      run(db, 'UPDATE conversation_files SET file_path = ? WHERE file_hash = ?', blobPath(blob), digest);
    }
  });
  insert.immediate();
}

/**
 * Rows whose bytes were not found keep the path that they had, but none that reads like one of ours.
 * @returns how many files there are.
 */
export function keepForeignPaths(db: Database): void {
  const sql = `UPDATE conversation_files SET file_path = './' || file_path
    WHERE (file_path LIKE 'blobs/%' OR file_path LIKE 'inline:%')
      AND NOT EXISTS (SELECT 1 FROM blobs b WHERE b.digest = conversation_files.file_hash)`;
  db.prepare(sql).run();
}

/** The audit says of each file that is not simply taken what was done, and at the end that the store was adopted. */
export function auditAdoption(
  db: Database,
  nowMs: number,
  rows: readonly RowReport[],
  facts: Readonly<Record<string, unknown>>,
  recorded: ReadonlyMap<string, Readonly<Record<string, unknown>>>,
): void {
  const nobody = { operationId: null, sessionId: null, fileId: null, vm: null, actor: null };
  const sessionOf = db.prepare('SELECT session_id FROM conversation_files WHERE file_id = ?').pluck();
  const write = db.transaction(() => {
    for (const { table, key, outcome, how } of rows) {
      if (table !== 'conversation_files' || outcome === 'taken') continue;
      const sessionId = (sessionOf.get(key) as string | undefined) ?? null;
      const details = { outcome, how, ...recorded.get(key) };
      insertAuditEntry(db, { ...nobody, action: 'file-adopt', sessionId, fileId: key, details }, nowMs, 0);
    }
    insertAuditEntry(db, { ...nobody, action: 'store-adopt', details: facts }, nowMs, 0);
  });
  write.immediate();
}
