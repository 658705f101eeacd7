// Rows against bytes, and bytes against rows. A writer may be at work meanwhile: what looks wrong is looked at once more
// before it is called a fault, and files that nobody names yet have time to get their row.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { type BlobRow, findBlob, type KnownBlob } from '../blob-rows.ts';
import { blobFolders, blobsDir, tmpDir } from '../data-dir.ts';
import { unlessAbsent } from '../errno.ts';
import { inPages, type Place, type Step, type Tally } from './step.ts';

/** A file may wait this long for its row, as long as the writer lets orphans lie, in milliseconds. */
const unnamedMs = 24 * 3_600_000;

interface FileRow {
  readonly row: number;
  readonly fileId: string;
  readonly digest: string;
  readonly size: number;
  readonly path: string;
}

const filesSql = `SELECT rowid AS row, file_id AS fileId, file_hash AS digest, file_size AS size, file_path AS path
  FROM conversation_files WHERE rowid > ? ORDER BY rowid LIMIT ?`;

export const rowsStep: Step = {
  name: 'rows without bytes',
  run({ db }, tally) {
    for (const file of inPages<FileRow, 'row'>(db, filesSql, 'row', 0)) {
      tally.checked += 1;
      const blob = findBlob(db, file.digest);
      if (blob === undefined) {
        if (!isThere(db, file)) continue; // purged while we looked
        if (isOurs(file)) tally.fault(`file ${file.fileId}: no bytes are held for its digest`);
        else tally.note('adopted files whose bytes were not imported');
      } else if (blob.size !== file.size) {
        tally.fault(`file ${file.fileId}: its row says ${file.size} bytes, its content has ${blob.size}`);
      }
    }
  },
};

const blobsSql = `SELECT blob_id AS blobId, digest, size, location, name, mime_type AS mimeType, damage
  FROM blobs WHERE blob_id > ? ORDER BY blob_id LIMIT ?`;

export const sizesStep: Step = {
  name: 'sizes',
  run: (place, tally) =>
    eachBlob(place, tally, async (blob) => {
      const got = await sizeOf(place, blob);
      if (got === blob.size) return undefined;
      return got === undefined ? 'its bytes are gone' : `expected ${blob.size} bytes, got ${got}`;
    }),
};

export const digestsStep: Step = {
  name: 'digests',
  deep: true,
  run: (place, tally) =>
    eachBlob(place, tally, async (blob) => {
      const got = await digestOf(place, blob);
      if (got === blob.digest) return undefined;
      return got === undefined ? 'its bytes are gone' : 'its bytes have another digest';
    }),
};

/** What is not as it should be is looked at again, with its row as it is then: bytes may be swept and stored anew. */
async function eachBlob(
  { db }: Place,
  tally: Tally,
  look: (blob: BlobRow) => Promise<string | undefined>,
): Promise<void> {
  const faultOf = async (blob: KnownBlob) =>
    blob.damage === null ? await look(blob) : `known to be damaged: ${blob.damage}`;
  for (const blob of inPages<KnownBlob, 'blobId'>(db, blobsSql, 'blobId', 0)) {
    tally.checked += 1;
    if ((await faultOf(blob)) === undefined) continue;
    const now = findBlob(db, blob.digest);
    const fault = now && (await faultOf(now));
    if (fault !== undefined) tally.fault(`${blob.location} content ${blob.digest}: ${fault}`);
  }
}

async function sizeOf({ db, dataDir }: Place, blob: BlobRow): Promise<number | undefined> {
  if (blob.location === 'inline') {
    return db.prepare('SELECT length(bytes) FROM blob_bytes WHERE blob_id = ?').pluck().get(blob.blobId) as
      | number
      | undefined;
  }
  return (await unlessAbsent(stat(pathOf(dataDir, blob))))?.size;
}

async function digestOf({ db, dataDir }: Place, blob: BlobRow): Promise<string | undefined> {
  const hash = createHash('sha256');
  if (blob.location === 'inline') {
    const bytes = db.prepare('SELECT bytes FROM blob_bytes WHERE blob_id = ?').pluck().get(blob.blobId);
    return bytes === undefined ? undefined : hash.update(bytes as Buffer).digest('hex');
  }
  const hashing = async () => {
    for await (const chunk of createReadStream(pathOf(dataDir, blob))) hash.update(chunk as Buffer);
    return hash.digest('hex');
  };
  return unlessAbsent(hashing());
}

const pathOf = (dataDir: string, { name }: BlobRow): string => join(blobsDir(dataDir), name ?? '');

export const unnamedStep: Step = {
  name: 'bytes without rows',
  async run({ db, dataDir, nowMs }, tally) {
    for (const folder of blobFolders) {
      for (const name of (await unlessAbsent(readdir(join(blobsDir(dataDir), folder)))) ?? []) {
        tally.checked += 1;
        if (isNamed(db, `${folder}/${name}`)) continue;
        const facts = await unlessAbsent(stat(join(blobsDir(dataDir), folder, name)));
        if (facts === undefined || isNamed(db, `${folder}/${name}`)) continue;
        if (nowMs - facts.mtimeMs < unnamedMs) tally.note('files of the last 24 hours without a row yet');
        else tally.fault(`blobs/${folder}/${name}: no row names it; ${facts.size} bytes`);
      }
    }
    tally.note('temp files', ((await unlessAbsent(readdir(tmpDir(dataDir)))) ?? []).length);
    tally.note('contents that no file uses any more', countUnused(db));
  },
};

function isNamed(db: Database, name: string): boolean {
  return db.prepare('SELECT 1 FROM blobs WHERE name = ?').get(name) !== undefined;
}

function countUnused(db: Database): number {
  const sql = `SELECT count(*) FROM blobs b
    WHERE NOT EXISTS (SELECT 1 FROM conversation_files f WHERE f.file_hash = b.digest)`;
  return db.prepare(sql).pluck().get() as number;
}

const isThere = (db: Database, { row, digest }: FileRow): boolean =>
  db.prepare('SELECT 1 FROM conversation_files WHERE rowid = ? AND file_hash = ?').get(row, digest) !==
  undefined;

/** Rows that another program made say where its file is; ours name a blob. */
const isOurs = ({ path }: FileRow): boolean => path.startsWith('inline:') || path.startsWith('blobs/');
