// What a copied database says of itself, and which blob files it names.

import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Database } from 'better-sqlite3';
import { hasTable, recordedVersion } from '../applied-migrations.ts';
import { auditHead } from '../audit-chain.ts';
import { openReadConnection } from '../connection.ts';
import { StoreError } from '../errors.ts';
import { one } from '../statements.ts';

export interface CopyFacts {
  readonly schemaVersion: string;
  readonly commitSequence: number;
  readonly epoch: number;
  readonly counts: {
    readonly files: number;
    readonly deletedFiles: number;
    readonly sessions: number;
    readonly receipts: number;
  };
  readonly blobs: BlobSum;
  /** The end of the audit's chain; hash null where the database is older than the chain. */
  readonly audit: { readonly auditId: number; readonly hash: string | null };
}

export interface BlobSum {
  readonly count: number;
  readonly bytes: number;
  /** SHA-256 over all names, sorted, each with a line feed. */
  readonly namesSha256: string;
}

export interface NamedBlob {
  /** Its file below `blobs/`. */
  readonly name: string;
  readonly digest: string;
  readonly size: number;
  /** Found to be others than its digest says, before the backup. */
  readonly isDamaged: boolean;
}

/**
 * Makes a copied WAL database one that needs no -wal and -shm beside it, so that looking at it leaves nothing behind. With no
 * WAL there, two bytes of the header are all the difference: https://www.sqlite.org/fileformat2.html section 1.3.3.
 */
export async function makeLonely(databasePath: string): Promise<void> {
  const handle = await open(databasePath, 'r+');
  try {
    await handle.write(Buffer.of(1, 1), 0, 2, 18);
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

/** Opens a copy for this look only. */
export async function withCopy<T>(databasePath: string, see: (db: Database) => T | Promise<T>): Promise<T> {
  const db = openReadConnection(databasePath);
  try {
    return await see(db);
  } finally {
    db.close();
  }
}

/** @throws StoreError NOT_INITIALIZED when the database is too old to have blobs. */
export function readFacts(db: Database): Omit<CopyFacts, 'blobs'> {
  const schemaVersion = recordedVersion(db);
  if (!hasTable(db, 'blobs')) {
    throw new StoreError(
      'NOT_INITIALIZED',
      `expected the database to be of version 002 or newer, got ${schemaVersion}; type: npx filefleet migrate up`,
      { facts: { schemaVersion } },
    );
  }
  return {
    schemaVersion,
    commitSequence: count(db, 'SELECT commit_sequence FROM commit_state WHERE id = 1'),
    epoch: count(db, 'SELECT coalesce(max(epoch), 0) FROM writer_epochs'),
    counts: {
      ...countFiles(db),
      sessions: count(db, 'SELECT count(*) FROM sessions'),
      receipts: count(db, 'SELECT count(*) FROM ledger'),
    },
    audit: endOfAudit(db),
  };
}

/** All blob files that the database names, in the order of their names, in pages. */
export function* namedBlobs(db: Database): Generator<NamedBlob> {
  const damaged = hasDamage(db) ? 'damaged_at_ms IS NOT NULL' : '0';
  const page = db.prepare<[string], Omit<NamedBlob, 'isDamaged'> & { isDamaged: number }>(
    `SELECT name, digest, size, ${damaged} AS isDamaged FROM blobs WHERE name IS NOT NULL AND name > ? ORDER BY name LIMIT 500`,
  );
  for (let last = ''; ; ) {
    const blobs = page.all(last);
    for (const blob of blobs) yield { ...blob, isDamaged: blob.isDamaged === 1 };
    const end = blobs.at(-1);
    if (!end) return;
    last = end.name;
  }
}

/** Sums up blobs in the order in which they come. */
export class BlobTally {
  count = 0;
  bytes = 0;
  readonly #names = createHash('sha256');

  add({ name, size }: NamedBlob): void {
    this.count += 1;
    this.bytes += size;
    this.#names.update(`${name}\n`);
  }

  /** Once, at the end. */
  sum(): BlobSum {
    return { count: this.count, bytes: this.bytes, namesSha256: this.#names.digest('hex') };
  }
}

/** From the figures that triggers keep, where there are some: counting a million rows would hold up the writer. */
function countFiles(db: Database): { files: number; deletedFiles: number } {
  const sql = hasTable(db, 'usage')
    ? "SELECT files, deleted_files AS deletedFiles FROM usage WHERE scope = 'fleet'"
    : 'SELECT count(*) FILTER (WHERE is_deleted = 0) AS files, count(*) FILTER (WHERE is_deleted = 1) AS deletedFiles FROM conversation_files';
  return one<{ files: number; deletedFiles: number }>(db, sql) ?? { files: 0, deletedFiles: 0 };
}

function endOfAudit(db: Database): CopyFacts['audit'] {
  if (!hasTable(db, 'audit_state')) {
    return { auditId: count(db, 'SELECT coalesce(max(audit_id), 0) FROM audit_entries'), hash: null };
  }
  const head = auditHead(db);
  return { auditId: head?.auditId ?? 0, hash: head?.hash.toString('hex') ?? null };
}

const hasDamage = (db: Database): boolean =>
  db.prepare("SELECT 1 FROM pragma_table_info('blobs') WHERE name = 'damaged_at_ms'").get() !== undefined;

const count = (db: Database, sql: string): number => Number(db.prepare(sql).pluck().get() ?? 0);
