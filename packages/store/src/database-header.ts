// The first 100 bytes of a database file, read without SQLite: what can be said about a file before anything is opened
// that might change it. Source: https://www.sqlite.org/fileformat2.html section 1.3.

import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { StoreError } from './errors.ts';

export interface DatabaseHeader {
  readonly pageBytes: number;
  readonly pages: number;
  readonly applicationId: number;
  readonly userVersion: number;
  /** Its changes go to a -wal file beside it. */
  readonly isWal: boolean;
}

const headerBytes = 100;
const magic = 'SQLite format 3\0';

/**
 * Must not be called while this process has the file open through SQLite: closing it here would drop SQLite's locks.
 * @returns undefined for no file, and for an empty one, which SQLite takes for a new database.
 * @throws StoreError PATH_INVALID when it is no regular file or unreadable, DATABASE_CORRUPT when it is no database.
 */
export function readDatabaseHeader(path: string): DatabaseHeader | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return undefined;
  if (!stat.isFile()) throw notAFile(path);
  if (stat.size === 0) return undefined;
  const bytes = readFirstBytes(path);
  const fault = faultOf(bytes);
  if (fault) throw corrupt(path, fault);
  const header = parseHeader(bytes);
  // With a -wal the newest pages are there, and the file may be shorter than it says until they are moved.
  const walBytes = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  if (walBytes === 0 && header.pages * header.pageBytes > stat.size) {
    throw corrupt(path, `${stat.size} bytes where its header says ${header.pages * header.pageBytes}`);
  }
  return header;
}

function readFirstBytes(path: string): Buffer {
  try {
    const fd = openSync(path, 'r');
    try {
      const buffer = Buffer.alloc(headerBytes);
      return buffer.subarray(0, readSync(fd, buffer, 0, headerBytes, 0));
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new StoreError('PATH_INVALID', `expected to read ${path}, got ${text}; check owner and mode`, {
      cause,
      facts: { path },
    });
  }
}

function faultOf(bytes: Buffer): string | undefined {
  if (bytes.length < headerBytes) return `only ${bytes.length} bytes`;
  if (bytes.toString('latin1', 0, magic.length) !== magic) {
    return `a file that begins with ${JSON.stringify(bytes.toString('latin1', 0, 12))}`;
  }
  const pageBytes = pageSizeOf(bytes);
  if (pageBytes < 512 || (pageBytes & (pageBytes - 1)) !== 0) return `a page size of ${pageBytes}`;
  const [write, read] = [bytes[18], bytes[19]];
  if (write === undefined || read === undefined || write < 1 || write > 2 || read < 1 || read > 2) {
    return `file format versions ${write} and ${read}`;
  }
  // "Must be 64, 32, 32": fixed by the format.
  if (bytes[21] !== 64 || bytes[22] !== 32 || bytes[23] !== 32)
    return 'payload fractions that no SQLite writes';
  if (bytes.readUInt32BE(56) > 3) return `text encoding ${bytes.readUInt32BE(56)}`;
  return undefined;
}

function parseHeader(bytes: Buffer): DatabaseHeader {
  // The page count is only kept up to date by writers that also set "version valid for" to the change counter.
  const pagesAreValid = bytes.readUInt32BE(24) === bytes.readUInt32BE(92);
  return {
    pageBytes: pageSizeOf(bytes),
    pages: pagesAreValid ? bytes.readUInt32BE(28) : 0,
    applicationId: bytes.readUInt32BE(68),
    userVersion: bytes.readUInt32BE(60),
    isWal: bytes[18] === 2,
  };
}

function pageSizeOf(bytes: Buffer): number {
  const stored = bytes.readUInt16BE(16);
  return stored === 1 ? 65_536 : stored;
}

function notAFile(path: string): StoreError {
  return new StoreError(
    'PATH_INVALID',
    `expected ${path} to be a database file, got something else; move it away`,
    { facts: { path } },
  );
}

function corrupt(path: string, got: string): StoreError {
  return new StoreError(
    'DATABASE_CORRUPT',
    `expected ${path} to be a SQLite database, got ${got}; it was left as it is: restore a backup, or move it away`,
    { facts: { path, got } },
  );
}
