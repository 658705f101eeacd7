// Reads for whoever looks through refused operations and jobs in quarantine.

import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { findHeldBlob } from './blob-rows.ts';
import { deadLettersDir, quarantineDir } from './data-dir.ts';
import type { DeadLetter, QuarantinedJob } from './queries/operations.ts';
import type { RecordPage } from './queries/record-pages.ts';
import * as refused from './queries/refused.ts';
import { one } from './statements.ts';

/** What became of the bytes that a refused store brought; `none`: it needs none. */
export type KeptBytes = 'none' | 'kept' | 'gone';

/** Every method throws as the reader's own do. */
export class RefusedReader {
  readonly #read: <T>(query: (db: Database) => T) => T;
  readonly #dataDir: string;

  /** For this package: `StoreReader.refused`. */
  constructor(read: <T>(query: (db: Database) => T) => T, dataDir: string) {
    this.#read = read;
    this.#dataDir = dataDir;
  }

  /** Dead letters, newest first. @throws StoreError CURSOR_INVALID, LIMIT_INVALID */
  page(options?: refused.RefusedPageOptions): RecordPage<DeadLetter> {
    return this.#read((db) => refused.pageRefused(db, options));
  }

  count(filter?: refused.RefusedFilter): refused.RefusedCounts {
    return this.#read((db) => refused.countRefused(db, filter));
  }

  /** Operation ids of dead letters, oldest first. @throws StoreError LIMIT_INVALID */
  ids(filter: refused.RefusedFilter, limit?: number): string[] {
    return this.#read((db) => refused.listRefusedIds(db, filter, limit));
  }

  /** Jobs in quarantine, newest first. @throws StoreError CURSOR_INVALID, LIMIT_INVALID */
  pageQuarantine(options?: refused.RefusedPageOptions): RecordPage<QuarantinedJob> {
    return this.#read((db) => refused.pageUnread(db, options));
  }

  countQuarantine(filter?: refused.RefusedFilter): refused.RefusedCounts {
    return this.#read((db) => refused.countUnread(db, filter));
  }

  /** @throws StoreError LIMIT_INVALID */
  quarantineIds(filter: refused.RefusedFilter, limit?: number): number[] {
    return this.#read((db) => refused.listUnreadIds(db, filter, limit));
  }

  /** Whether a dead letter could be executed anew as far as its bytes go. */
  bytesOf({ name, operationId, payload }: DeadLetter): KeptBytes {
    if (name !== 'file-store') return 'none';
    const isKept = isThere(join(deadLettersDir(this.#dataDir), operationId));
    return isKept || this.#isHeld(payload) ? 'kept' : 'gone';
  }

  /** The same of a job in quarantine. */
  bytesOfJob({ name, quarantineId, payload }: QuarantinedJob): KeptBytes {
    if (name !== 'file-store') return 'none';
    const sql = 'SELECT bytes_name AS name FROM quarantine WHERE quarantine_id = ?';
    const file = this.#read((db) => one<{ name: string | null }>(db, sql, quarantineId))?.name;
    if (file && isThere(join(quarantineDir(this.#dataDir), file))) return 'kept';
    return this.#isHeld(payload) ? 'kept' : 'gone';
  }

  #isHeld(payloadText: string): boolean {
    const { digest, size } = storeIn(payloadText);
    if (size === 0) return true;
    return typeof digest === 'string' && this.#read((db) => findHeldBlob(db, digest)) !== undefined;
  }
}

function storeIn(payloadText: string): { digest?: unknown; size?: unknown } {
  try {
    return (JSON.parse(payloadText) as { digest?: unknown; size?: unknown } | null) ?? {};
  } catch {
    return {}; // a job in quarantine may hold anything
  }
}

const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;
