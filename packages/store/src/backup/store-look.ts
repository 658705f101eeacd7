// A look at the store that is in a data folder, whatever state it is in.

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { hasTable } from '../applied-migrations.ts';
import { openReadConnection } from '../connection.ts';
import { blobFolders, blobsDir, databasePath } from '../data-dir.ts';
import { unlessAbsent } from '../errno.ts';
import { readStoreId } from '../store-id.ts';

export interface StoreLook {
  /** A database or blob files. */
  readonly isThere: boolean;
  /** Files, receipts or bytes: or nobody can tell, because the database cannot be read. */
  readonly hasFiles: boolean;
  /** The highest of its tenures, as far as it can be read. */
  readonly epoch: number;
  readonly commitSequence: number;
  /** Undefined: none that can be read. */
  readonly storeId: string | undefined;
}

export async function lookAtStore(dataDir: string): Promise<StoreLook> {
  const size = (await unlessAbsent(stat(databasePath(dataDir))))?.size ?? 0;
  const hasBlobs = await holdsBlobFiles(dataDir);
  const nothing = { epoch: 0, commitSequence: 0, storeId: undefined };
  if (size === 0) return { isThere: hasBlobs, hasFiles: hasBlobs, ...nothing };
  const unreadable = { isThere: true, hasFiles: true, ...nothing };
  try {
    const db = openReadConnection(databasePath(dataDir));
    try {
      const [files, receipts] = [rowsOf(db, 'conversation_files'), rowsOf(db, 'ledger')];
      return {
        isThere: true,
        hasFiles: hasBlobs || files > 0 || receipts > 0,
        epoch: numberFrom(db, 'SELECT coalesce(max(epoch), 0) FROM writer_epochs'),
        commitSequence: numberFrom(db, 'SELECT commit_sequence FROM commit_state WHERE id = 1'),
        storeId: hasTable(db, 'store') ? readStoreId(db) : undefined,
      };
    } finally {
      db.close();
    }
  } catch {
    return unreadable; // damaged, foreign or newer: kept aside like any other
  }
}

async function holdsBlobFiles(dataDir: string): Promise<boolean> {
  for (const folder of blobFolders) {
    const names = (await unlessAbsent(readdir(join(blobsDir(dataDir), folder)))) ?? [];
    if (names.length > 0) return true;
  }
  return false;
}

/** 0 where the table is not there: a database from before the fleet has no receipts. */
function rowsOf(db: Database, table: string): number {
  return numberFrom(db, `SELECT EXISTS (SELECT 1 FROM ${table})`);
}

function numberFrom(db: Database, sql: string): number {
  try {
    return Number(db.prepare(sql).pluck().get() ?? 0);
  } catch (error) {
    if (error instanceof Error && /^no such table/.test(error.message)) return 0;
    throw error;
  }
}
