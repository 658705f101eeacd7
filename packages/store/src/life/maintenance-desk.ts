// What the writer's maintenance looks at beside its slices: due times, the newest times that the database knows, contents to
// scrub, files without a row. Reads through a connection of its own; whatever it says is asked again in the slice.

import { createHash } from 'node:crypto';
import { type FileHandle, open, readdir, rename, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { operationIdTimeMs } from '@filefleet/protocol';
import type { Database } from 'better-sqlite3';
import { auditHead } from '../audit-chain.ts';
import { openReadConnection } from '../connection.ts';
import { blobFolders, blobsDir, damagedPrefix, databasePath, quarantineDir } from '../data-dir.ts';
import { unlessAbsent } from '../errno.ts';
import { isSearchBehind, type SearchProgress, searchProgress } from '../search/progress.ts';
import { all, one } from '../statements.ts';

/** Bytes of a file that are read and hashed in one go: about a millisecond of processor time. */
const chunkBytes = 256 * 1024;
/** Operations whose times are looked at: enough for some producer among them to have a right clock. */
const recentOperations = 100;

/** A row of `maintenance`. */
export interface TaskFacts {
  readonly dueAtMs: number | null;
  readonly cursor: string | null;
  readonly finishedAtMs: number | null;
}

/** The newest times that the database knows, in milliseconds since 1970; null: it knows none. */
export interface NewestTimes {
  /** Of commits: what this machine's clock said. */
  readonly committedAtMs: number | null;
  /** In ids of operations: what clocks of producers said. */
  readonly operationAtMs: number | null;
}

/** A content as the scrub takes it. */
export interface ScrubContent {
  readonly blobId: number;
  readonly digest: string;
  readonly size: number;
  /** Below `blobs/`; null: its bytes are in the database. */
  readonly name: string | null;
  readonly mimeType: string | null;
}

export class MaintenanceDesk {
  readonly #db: Database;
  readonly #dataDir: string;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
    this.#db = openReadConnection(databasePath(dataDir));
  }

  /** @returns undefined for a task that was never noted. */
  task(name: string): TaskFacts | undefined {
    const sql = `SELECT due_at_ms AS dueAtMs, cursor, last_finished_at_ms AS finishedAtMs FROM maintenance WHERE task = ?`;
    return one<TaskFacts>(this.#db, sql, name);
  }

  /** Whether a plan is being made, checked or applied. */
  hasOpenPlans(): boolean {
    const sql = "SELECT 1 FROM plans WHERE state IN ('planning', 'checking', 'applying') LIMIT 1";
    return one(this.#db, sql) !== undefined;
  }

  newestTimes(): NewestTimes {
    const sql = 'SELECT max(committed_at_ms) AS atMs FROM ledger';
    const committedAtMs = one<{ atMs: number | null }>(this.#db, sql)?.atMs ?? null;
    const recent = all<{ id: string }>(
      this.#db,
      'SELECT operation_id AS id FROM ledger ORDER BY committed_at_ms DESC LIMIT ?',
      recentOperations,
    );
    const times = recent.map(({ id }) => operationIdTimeMs(id)).filter(Number.isFinite);
    return { committedAtMs, operationAtMs: times.length > 0 ? Math.max(...times) : null };
  }

  /** The end of the audit's chain, its hash in hex; undefined before the first entry. */
  auditHead(): { readonly auditId: number; readonly hash: string } | undefined {
    const head = auditHead(this.#db);
    return head && head.auditId > 0 ? { auditId: head.auditId, hash: head.hash.toString('hex') } : undefined;
  }

  /** Number of the newest audit entry; 0 before the first. */
  newestAuditId(): number {
    const sql = 'SELECT max(audit_id) AS auditId FROM audit_entries';
    return one<{ auditId: number | null }>(this.#db, sql)?.auditId ?? 0;
  }

  /** How many contents there are. */
  contentCount(): number {
    const sql = "SELECT sum(blobs) AS count FROM blob_usage WHERE location IN ('inline', 'file')";
    return one<{ count: number | null }>(this.#db, sql)?.count ?? 0;
  }

  damagedCount(): number {
    const sql = 'SELECT count(*) AS count FROM blobs WHERE damaged_at_ms IS NOT NULL';
    return one<{ count: number }>(this.#db, sql)?.count ?? 0;
  }

  /** How far the index of the search has come. */
  searchProgress(): SearchProgress {
    return searchProgress(this.#db);
  }

  /** Whether that index has anything to take. */
  isSearchBehind(): boolean {
    return isSearchBehind(this.#db);
  }

  /** Contents after one, in the order of their numbers; those already known to be damaged are left out. */
  contentsAfter(blobId: number, limit: number): ScrubContent[] {
    return all<ScrubContent>(
      this.#db,
      `SELECT blob_id AS blobId, digest, size, name, mime_type AS mimeType FROM blobs
       WHERE blob_id > ? AND damaged_at_ms IS NULL ORDER BY blob_id LIMIT ?`,
      blobId,
      limit,
    );
  }

  /** Whether the row of a content is still the one that was read. */
  isCurrent({ blobId, digest, name }: ScrubContent): boolean {
    const sql = `SELECT 1 FROM blobs WHERE blob_id = ? AND digest = ? AND name IS ? AND damaged_at_ms IS NULL`;
    return one(this.#db, sql, blobId, digest, name) !== undefined;
  }

  /**
   * Reads a content and hashes it.
   * @param pause awaited before each read of at most 256 KiB.
   * @returns what is wrong with its bytes, or undefined.
   * @throws the file system's error when it says nothing about these bytes, such as EMFILE.
   */
  async findDamage(content: ScrubContent, pause: () => Promise<unknown>): Promise<string | undefined> {
    try {
      const got = content.name === null ? this.#readInline(content) : await this.#readFile(content, pause);
      if (got === undefined) return 'its bytes are gone';
      if (got.size !== content.size) return `expected ${content.size} bytes, got ${got.size}`;
      return got.digest === content.digest ? undefined : 'its bytes have another digest';
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      if (code === 'ENOENT') return 'its bytes are gone';
      if (code === 'EIO') return 'its bytes cannot be read (EIO)'; // one bad sector is no reason to stop writing
      throw error;
    }
  }

  #readInline({ blobId }: ScrubContent): Read | undefined {
    const row = one<{ bytes: Buffer }>(this.#db, 'SELECT bytes FROM blob_bytes WHERE blob_id = ?', blobId);
    return (
      row && { size: row.bytes.byteLength, digest: createHash('sha256').update(row.bytes).digest('hex') }
    );
  }

  async #readFile({ name }: ScrubContent, pause: () => Promise<unknown>): Promise<Read> {
    const handle = await open(join(blobsDir(this.#dataDir), name ?? ''), 'r');
    try {
      const hash = createHash('sha256');
      const buffer = Buffer.allocUnsafe(chunkBytes);
      for (let size = 0; ; ) {
        await pause();
        const { bytesRead } = await handle.read(buffer, 0, chunkBytes, null);
        if (bytesRead === 0) return { size, digest: hash.digest('hex') };
        hash.update(buffer.subarray(0, bytesRead));
        size += bytesRead;
      }
    } finally {
      await handle.close();
    }
  }

  /** Folders of blobs: what a walk goes through. */
  get folders(): readonly string[] {
    return blobFolders;
  }

  /**
   * Files of one folder that no row names, and that have not been touched since a moment.
   * @param untouchedSinceMs a younger file may be on its way to its row.
   * @returns names below `blobs/`.
   */
  async unnamedIn(folder: string, untouchedSinceMs: number): Promise<string[]> {
    const unnamed: string[] = [];
    for (const file of await readdir(join(blobsDir(this.#dataDir), folder))) {
      const name = `${folder}/${file}`;
      if (one(this.#db, 'SELECT 1 FROM blobs WHERE name = ?', name)) continue;
      const facts = await unlessAbsent(stat(join(blobsDir(this.#dataDir), name)));
      if (facts?.isFile() && facts.mtimeMs < untouchedSinceMs) unnamed.push(name);
    }
    return unnamed;
  }

  /**
   * Moves the file of a damaged content to where nobody serves it from; durable when it returns. Its absence is fine.
   * @param nowMs wall clock in milliseconds: what is kept there is kept for a time.
   */
  async moveToQuarantine(name: string, nowMs: number): Promise<void> {
    const from = join(blobsDir(this.#dataDir), name);
    const to = join(quarantineDir(this.#dataDir), `${damagedPrefix}${name.slice(name.indexOf('/') + 1)}`);
    await unlessAbsent(rename(from, to).then(() => utimes(to, nowMs / 1_000, nowMs / 1_000)));
    await syncFolder(quarantineDir(this.#dataDir));
    await syncFolder(join(blobsDir(this.#dataDir), name.slice(0, name.indexOf('/'))));
  }

  close(): void {
    this.#db.close();
  }
}

interface Read {
  readonly size: number;
  readonly digest: string;
}

async function syncFolder(path: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    await handle.sync();
  } finally {
    await handle?.close();
  }
}
