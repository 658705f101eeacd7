// What the store holds, exactly, and at the same price however much it is: triggers of the database keep the figures with
// each row that changes, `verify` counts them anew. Ask inside one read transaction.

import type { Database } from 'better-sqlite3';
import { all, one } from '../statements.ts';

/** Files of the fleet, of a VM or of a session. Bytes are as users see them: shared bytes count for each file. */
export interface Usage {
  /** Files that are not deleted. */
  readonly files: number;
  readonly logicalBytes: number;
  /** Softly deleted files: they can be restored. */
  readonly deletedFiles: number;
  readonly deletedBytes: number;
}

export interface VmStatistics extends Usage {
  /** Null for files adopted from a single-machine installation. */
  readonly vm: string | null;
}

export interface StoreStatistics extends Usage {
  readonly sessions: number;
  /** Those of the sessions that have not ended. */
  readonly liveSessions: number;
  /** Bytes that the store holds: each content once, those that no file uses any more included until the sweep. */
  readonly storedBytes: number;
  /**
   * Bytes of all files that are kept, deleted ones too because they can be restored, less those of the contents that they
   * use: what deduplication need not store. Files adopted without their bytes count as saved until those are imported.
   */
  readonly savedBytes: number;
  /** What a sweep would give back: contents that no file uses any more, and their bytes. */
  readonly reclaimableBlobs: number;
  readonly reclaimableBytes: number;
  /** Contents inside the database, and contents that are files. */
  readonly inlineBlobs: number;
  readonly fileBlobs: number;
  /** Per VM that stored them, most files first; VMs whose files are all purged are left out. */
  readonly perVm: readonly VmStatistics[];
}

const figures = `files, bytes AS logicalBytes, deleted_files AS deletedFiles, deleted_bytes AS deletedBytes`;
const none: Usage = { files: 0, logicalBytes: 0, deletedFiles: 0, deletedBytes: 0 };

export const usageSql = `SELECT ${figures} FROM usage WHERE scope = ? AND name = ?`;
export const perVmSql = `SELECT nullif(name, '') AS vm, ${figures} FROM usage
  WHERE scope = 'vm' AND files + deleted_files > 0 ORDER BY files DESC, name`;
export const blobUsageSql = 'SELECT location, blobs, bytes FROM blob_usage';
export const sessionUsageSql = 'SELECT state, sessions FROM session_usage';

type Held = { location: 'inline' | 'file' | 'unreferenced'; blobs: number; bytes: number };

export function getStatistics(db: Database): StoreStatistics {
  const fleet = one<Usage>(db, usageSql, 'fleet', '') ?? none;
  const held = new Map(all<Held>(db, blobUsageSql).map((row) => [row.location, row]));
  const inline = held.get('inline') ?? { blobs: 0, bytes: 0 };
  const file = held.get('file') ?? { blobs: 0, bytes: 0 };
  const unreferenced = held.get('unreferenced') ?? { blobs: 0, bytes: 0 };
  const sessions = new Map(
    all<{ state: string; sessions: number }>(db, sessionUsageSql).map((row) => [row.state, row.sessions]),
  );
  const [liveSessions, endedSessions] = [sessions.get('live') ?? 0, sessions.get('ended') ?? 0];
  const storedBytes = inline.bytes + file.bytes;
  return {
    ...fleet,
    sessions: liveSessions + endedSessions,
    liveSessions,
    storedBytes,
    savedBytes: fleet.logicalBytes + fleet.deletedBytes - (storedBytes - unreferenced.bytes),
    reclaimableBlobs: unreferenced.blobs,
    reclaimableBytes: unreferenced.bytes,
    inlineBlobs: inline.blobs,
    fileBlobs: file.blobs,
    perVm: all<VmStatistics>(db, perVmSql),
  };
}

/** Zeros for a session that nobody knows. */
export function getSessionUsage(db: Database, sessionId: string): Usage {
  return one<Usage>(db, usageSql, 'session', sessionId) ?? none;
}
