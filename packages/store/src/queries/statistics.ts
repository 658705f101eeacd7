// What the store holds, exactly, counted at the moment of asking. Ask inside one read transaction.

import type { Database } from 'better-sqlite3';
import { all, one } from '../statements.ts';

export interface VmStatistics {
  /** Null for files adopted from a single-machine installation. */
  readonly vm: string | null;
  readonly files: number;
  readonly logicalBytes: number;
}

export interface StoreStatistics {
  /** Files that are not deleted. */
  readonly files: number;
  /** Softly deleted files: they can be restored. */
  readonly deletedFiles: number;
  readonly sessions: number;
  /** Bytes of the files that are not deleted, as users see them: shared bytes count for each file. */
  readonly logicalBytes: number;
  /** Bytes that the store holds: each content once, contents of deleted files included until the sweep. */
  readonly storedBytes: number;
  /** Bytes that need not be stored because files that are not deleted share them. */
  readonly savedBytes: number;
  /** Contents inside the database, and contents that are files. */
  readonly inlineBlobs: number;
  readonly fileBlobs: number;
  /** Per VM that stored them, most files first; files that are not deleted. */
  readonly perVm: readonly VmStatistics[];
}

type Counts = { files: number; deletedFiles: number; logicalBytes: number };
type Held = { storedBytes: number; inlineBlobs: number; fileBlobs: number };

export function getStatistics(db: Database): StoreStatistics {
  const counts = required(
    one<Counts>(
      db,
      `SELECT count(*) FILTER (WHERE is_deleted = 0) AS files, count(*) FILTER (WHERE is_deleted = 1) AS deletedFiles,
              coalesce(sum(file_size) FILTER (WHERE is_deleted = 0), 0) AS logicalBytes FROM conversation_files`,
    ),
  );
  const distinct = required(
    one<{ bytes: number }>(
      db,
      `SELECT coalesce(sum(size), 0) AS bytes FROM
         (SELECT max(file_size) AS size FROM conversation_files WHERE is_deleted = 0 GROUP BY file_hash)`,
    ),
  );
  const held = required(
    one<Held>(
      db,
      `SELECT coalesce(sum(size), 0) AS storedBytes, count(*) FILTER (WHERE location = 'inline') AS inlineBlobs,
              count(*) FILTER (WHERE location = 'file') AS fileBlobs FROM blobs`,
    ),
  );
  const sessions = required(one<{ sessions: number }>(db, 'SELECT count(*) AS sessions FROM sessions'));
  return {
    ...counts,
    ...sessions,
    ...held,
    savedBytes: counts.logicalBytes - distinct.bytes,
    perVm: perVm(db),
  };
}

function perVm(db: Database): VmStatistics[] {
  return all(
    db,
    `SELECT vm, count(*) AS files, sum(file_size) AS logicalBytes FROM conversation_files
     WHERE is_deleted = 0 GROUP BY vm ORDER BY files DESC, vm`,
  );
}

/** An aggregate without GROUP BY always has one row. */
function required<Row>(row: Row | undefined): Row {
  if (row === undefined) throw new TypeError('expected an aggregate to have one row, got none');
  return row;
}
