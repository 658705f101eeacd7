// Which bytes belong to a row. Their digest decides: at the row's path, under its stored name, anywhere in the folder. Bytes at
// its place that are not its digest's were rewritten, and are kept for what they are, never served as what they were.

import { createHash } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import type { AdoptionReport } from './report.ts';
import { type Place, type Storage, type StorageFile, unreadable } from './storage.ts';

interface FileRow {
  readonly fileId: string;
  readonly path: string;
  readonly stored: string;
  readonly digest: string;
}

/** Bytes to import, and what is to be said of a row that has others than it recorded. */
export interface Resolved {
  /** By digest: where the bytes are. */
  readonly contents: ReadonlyMap<string, StorageFile>;
  /** Rows with a digest of their own from now on. */
  readonly rewritten: readonly {
    readonly fileId: string;
    readonly recorded: string;
    readonly digest: string;
  }[];
}

interface Found {
  readonly file: StorageFile;
  readonly digest: string;
  readonly how?: string;
  readonly isRewritten?: boolean;
}

const emptyDigest = createHash('sha256').digest('hex');
const rowsSql = `SELECT file_id AS fileId, CAST(file_path AS TEXT) AS path, CAST(stored_filename AS TEXT) AS stored,
  CAST(file_hash AS TEXT) AS digest FROM conversation_files`;

/** Gives each row of the copy, still at 001, the digest and size of the bytes that are there. @throws StoreError SOURCE_CHANGED */
export async function resolveContents(
  db: Database,
  storage: Storage,
  report: AdoptionReport,
): Promise<Resolved> {
  const contents = new Map<string, StorageFile>();
  const rewritten: { fileId: string; recorded: string; digest: string }[] = [];
  const update = db.prepare('UPDATE conversation_files SET file_hash = ?, file_size = ? WHERE file_id = ?');
  for (const row of db.prepare<[], FileRow>(rowsSql).all()) {
    const found = await findBytes(row, storage);
    if (typeof found === 'string') {
      report.note('conversation_files', row.fileId, 'left', found);
      continue;
    }
    const { file, digest, how, isRewritten } = found;
    update.run(digest, file.size, row.fileId);
    if (!contents.has(digest)) contents.set(digest, file);
    if (isRewritten) rewritten.push({ fileId: row.fileId, recorded: row.digest, digest });
    report.note('conversation_files', row.fileId, how === undefined ? 'taken' : 'healed', how);
  }
  return { contents, rewritten };
}

/** @returns why there are none, as text. */
async function findBytes(row: FileRow, storage: Storage): Promise<Found | string> {
  const digest = row.digest.toLowerCase();
  const place = storage.at(row.path);
  if (place.kind === 'file' && (await storage.hash(place.file)).sha256 === digest)
    return { file: place.file, digest };
  for (const file of storage.named(row.stored)) {
    if ((await storage.hash(file)).sha256 === digest)
      return { file, digest, how: `its bytes were found at ${file.shown}` };
  }
  const elsewhere = await storage.withDigest(digest);
  if (elsewhere)
    return { file: elsewhere, digest, how: `its bytes were found by their digest at ${elsewhere.shown}` };
  return (
    (await findRewritten(row, place, storage)) ??
    `no bytes: ${describe(place)}, none under its stored name, none of its digest`
  );
}

/** What stands in its place, if there is one such place. An empty file is none: that is what a power cut leaves. */
async function findRewritten(row: FileRow, place: Place, storage: Storage): Promise<Found | undefined> {
  const named = storage.named(row.stored);
  const file = place.kind === 'file' ? place.file : named.length === 1 ? named[0] : undefined;
  if (!file) return undefined;
  const { sha256 } = await storage.hash(file);
  if (sha256 === emptyDigest || sha256 === unreadable) return undefined;
  const how = `its bytes at ${file.shown} were rewritten: they have digest ${sha256}, not the recorded one, and are kept as such`;
  return { file, digest: sha256, how, isRewritten: true };
}

function describe({ kind }: Place): string {
  if (kind === 'file') return 'the file at its path is empty or cannot be read';
  if (kind === 'outside') return 'its path leads out of the storage folder and was not followed';
  return kind === 'link'
    ? 'its path goes through a symbolic link and was not followed'
    : 'no file at its path';
}
