// From a file id to its bytes: file row -> blob row -> bytes, verified on the way. A path is only ever built from a name
// that the store itself made.

import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Database } from 'better-sqlite3';
import { type BlobRow, findBlob } from './blob-rows.ts';
import type { ByteRange, CheckedContents } from './content-range.ts';
import { blobsDir } from './data-dir.ts';
import { StoreError } from './errors.ts';
import { type FileFacts, findFileFacts } from './queries/files.ts';
import { fileNotFound } from './queries/history.ts';
import { one } from './statements.ts';
import { damaged, VerifiedStream, verifiedBytes } from './verified-stream.ts';

export interface FileContent {
  readonly file: FileFacts;
  /** Ends only when digest and size are right, else errors with CONTENT_DAMAGED. It may outlive the reader. */
  readonly stream: Readable;
}

export interface OpenContentOptions {
  readonly includeDeleted?: boolean;
  /** Part of the bytes only; the reader's memory of checked contents comes with it. */
  readonly range?: { readonly part: ByteRange; readonly checked: CheckedContents };
}

const blobNamePattern = /^[0-9a-f]{2}\/[0-9a-f]{64}\.\d+-\d+$/;

/**
 * Opens the content of a file.
 * @param options.includeDeleted also give the bytes of a softly deleted file.
 * @throws StoreError FILE_NOT_FOUND, FILE_DELETED, CONTENT_NOT_IMPORTED, CONTENT_MISSING, CONTENT_DAMAGED, STORAGE_FAULT
 * @throws RangeError for a range that is not within the file.
 */
export async function openContent(
  db: Database,
  dataDir: string,
  fileId: string,
  options: OpenContentOptions = {},
): Promise<FileContent> {
  const file = findFileFacts(db, fileId);
  if (!file) throw fileNotFound(fileId);
  if (file.isDeleted && !options.includeDeleted) throw fileDeleted(file);
  const blob = findBlob(db, file.digest);
  if (!blob) throw notImported(file);
  if (blob.damage !== null) throw damaged(file, `bytes known to be damaged: ${blob.damage}`);
  const { range } = options;
  if (range) assertWithin(range, file);
  if (blob.location === 'inline') {
    return { file, stream: verifiedBytes(readInline(db, file, blob), file, range?.part) };
  }
  const handle = await openBlobFile(db, dataDir, file, blob);
  if (!range) return { file, stream: new VerifiedStream(handle, file) };
  return { file, stream: await range.checked.openPart(handle, file, range.part) };
}

/** @throws RangeError */
function assertWithin({ part: { start, end } }: { readonly part: ByteRange }, { size }: FileFacts): void {
  const whole = Number.isInteger(start) && Number.isInteger(end);
  if (whole && start >= 0 && start <= end && end < size) return;
  throw new RangeError(`expected the range to be within ${size} bytes, got ${start} to ${end}; ask within`);
}

function readInline(db: Database, file: FileFacts, { blobId }: BlobRow): Uint8Array {
  const row = one<{ bytes: Buffer }>(db, 'SELECT bytes FROM blob_bytes WHERE blob_id = ?', blobId);
  if (!row) throw missing(file, 'no bytes in blob_bytes');
  return row.bytes;
}

/** Between the row and the file, the bytes may be swept and stored again under another name: then once more. */
async function openBlobFile(
  db: Database,
  dataDir: string,
  file: FileFacts,
  blob: BlobRow,
): Promise<FileHandle> {
  const handle = await openIfThere(pathOf(dataDir, file, blob), file);
  if (handle) return handle;
  const again = findBlob(db, file.digest);
  if (again?.name && again.name !== blob.name) {
    const second = await openIfThere(pathOf(dataDir, file, again), file);
    if (second) return second;
  }
  throw missing(file, `no file blobs/${blob.name}`);
}

function pathOf(dataDir: string, file: FileFacts, blob: BlobRow): string {
  if (blob.name !== null && blobNamePattern.test(blob.name)) return join(blobsDir(dataDir), blob.name);
  throw missing(file, `the blob name ${JSON.stringify(blob.name)}, which the store did not make`);
}

async function openIfThere(path: string, file: FileFacts): Promise<FileHandle | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (cause) {
    const errno = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return undefined;
    throw new StoreError(
      'STORAGE_FAULT',
      `expected to read the content of file ${file.fileId}, got ${String(errno)}; check disk, owner and mode`,
      { cause, facts: { fileId: file.fileId, errno } },
    );
  }
  const { size } = await handle.stat();
  if (size === file.size) return handle;
  await handle.close();
  throw damaged(file, `${size} bytes`);
}

function fileDeleted({ fileId, deletedAtMs }: FileFacts): StoreError {
  const since = deletedAtMs === null ? '' : ` since ${new Date(deletedAtMs).toISOString()}`;
  return new StoreError(
    'FILE_DELETED',
    `expected file ${fileId} not to be deleted, got one that is${since}; restore it first`,
    { facts: { fileId, deletedAtMs } },
  );
}

function notImported({ fileId, digest }: FileFacts): StoreError {
  return new StoreError(
    'CONTENT_NOT_IMPORTED',
    `expected the bytes of file ${fileId} to be in the store, got a row adopted without them; import them`,
    { facts: { fileId, digest } },
  );
}

function missing({ fileId, digest }: FileFacts, got: string): StoreError {
  return new StoreError(
    'CONTENT_MISSING',
    `expected the bytes of file ${fileId} to be where their row says, got ${got}; restore them from a backup`,
    { facts: { fileId, digest, got } },
  );
}
