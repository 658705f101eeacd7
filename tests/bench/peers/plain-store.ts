// What a plain worker would keep: bytes once per digest, a row per file, a row per entry of metadata. No ledger, no order,
// no audit - but the same promise of the disk: WAL and synchronous=FULL.

import { join } from 'node:path';
import SQLite, { type Database } from 'better-sqlite3';

const schema = `
CREATE TABLE IF NOT EXISTS blobs (digest TEXT PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS files (
  file_id TEXT PRIMARY KEY, session_id TEXT NOT NULL, filename TEXT NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL,
  vm TEXT NOT NULL, stored_at_ms INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_files_session ON files (session_id, stored_at_ms);
CREATE TABLE IF NOT EXISTS metadata (
  file_id TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (file_id, key)
);
`;

export interface StoreData {
  readonly operationId: string;
  readonly sessionId: string;
  readonly filename: string;
  readonly digest: string;
  readonly size: number;
  readonly vm: string;
}

export interface AnnotateData {
  readonly fileId: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface PlainStore {
  readonly db: Database;
  store(data: StoreData, bytes: Buffer): void;
  annotate(data: AnnotateData): void;
}

export function openPlainStore(folder: string): PlainStore {
  const db = new SQLite(join(folder, 'plain.db'));
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.exec(schema);
  const insertBlob = db.prepare('INSERT OR IGNORE INTO blobs (digest, bytes) VALUES (?, ?)');
  const insertFile = db.prepare(
    'INSERT INTO files (file_id, session_id, filename, digest, size, vm, stored_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  const setMetadata = db.prepare(
    'INSERT INTO metadata (file_id, key, value) VALUES (?, ?, ?) ON CONFLICT (file_id, key) DO UPDATE SET value = excluded.value',
  );
  return {
    db,
    store: ({ operationId, sessionId, filename, digest, size, vm }, bytes) => {
      insertBlob.run(digest, bytes);
      insertFile.run(operationId, sessionId, filename, digest, size, vm, Date.now());
    },
    annotate: ({ fileId, metadata }) => {
      for (const [key, value] of Object.entries(metadata)) setMetadata.run(fileId, key, value);
    },
  };
}
