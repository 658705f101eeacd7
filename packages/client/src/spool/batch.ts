// The file format of accepted operations. A batch is written once and never changed; it counts only as a whole, so
// that whatever a crash leaves of one is recognised.
//
//   filefleet-spool 1 <length of the rest> <SHA-256 of the rest>\n
//   [record, record, ...]\n
//   content of the records, one behind the other

import { createHash } from 'node:crypto';
import type { OperationName } from '@filefleet/protocol';

/** One accepted operation. */
export interface SpoolRecord {
  readonly name: OperationName;
  readonly operationId: string;
  /** The caller chose the id. */
  readonly idGiven: boolean;
  /** Number within its session; 0 for operations without a session. */
  readonly sequence: number;
  /** When it was accepted, in milliseconds since 1970. */
  readonly acceptedAtMs: number;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly content?: RecordedContent;
}

export interface RecordedContent {
  readonly digest: string;
  readonly size: number;
  /** The file of entries/ that holds it; without one it lies behind the records of the batch. */
  readonly file?: string;
}

export interface BatchItem {
  readonly record: SpoolRecord;
  /** The bytes of a record whose content is in the batch. */
  readonly bytes: Uint8Array | undefined;
}

/** A record, and where in the file its content begins. */
export interface PlacedRecord {
  readonly record: SpoolRecord;
  readonly offset: number;
}

export type DecodedBatch =
  | { readonly state: 'whole'; readonly records: readonly PlacedRecord[] }
  /** Shorter than it says: its writer died before it accepted anything of it. */
  | { readonly state: 'torn' }
  /** Of its full length, with other bytes: a disk that lies, or a power cut before it was accepted. */
  | { readonly state: 'damaged' };

const magic = 'filefleet-spool 1 ';
const lengthDigits = 12;
const headerBytes = magic.length + lengthDigits + 1 + 64 + 1;

/** @returns the parts of the file, to be written one behind the other. */
export function encodeBatch(items: readonly BatchItem[]): Uint8Array[] {
  const records = Buffer.from(`${JSON.stringify(items.map(({ record }) => record))}\n`);
  const parts = [records, ...items.flatMap(({ bytes }) => (bytes?.byteLength ? [bytes] : []))];
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  const length = String(byteLength(parts)).padStart(lengthDigits, '0');
  return [Buffer.from(`${magic}${length} ${hash.digest('hex')}\n`), ...parts];
}

/** @returns where the content of each record begins in the file that `encodeBatch` made of them. */
export function placeRecords(records: readonly SpoolRecord[], contentAt: number): PlacedRecord[] {
  let offset = contentAt;
  return records.map((record) => {
    const placed = { record, offset };
    if (record.content && record.content.file === undefined) offset += record.content.size;
    return placed;
  });
}

/** Where the content begins in an encoded batch. */
export function contentOffset(parts: readonly Uint8Array[]): number {
  return byteLength(parts.slice(0, 2));
}

export function byteLength(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.byteLength, 0);
}

export function decodeBatch(file: Buffer): DecodedBatch {
  if (file.byteLength < headerBytes) return { state: 'torn' };
  const header = file.toString('latin1', 0, headerBytes);
  const match = /^filefleet-spool 1 (\d{12}) ([0-9a-f]{64})\n$/.exec(header);
  if (!match) return { state: 'damaged' };
  const rest = file.subarray(headerBytes);
  if (rest.byteLength < Number(match[1])) return { state: 'torn' };
  const isSame = createHash('sha256').update(rest).digest('hex') === match[2];
  if (!isSame || rest.byteLength > Number(match[1])) return { state: 'damaged' };
  const lineEnd = rest.indexOf('\n') + 1;
  const records = JSON.parse(rest.toString('utf8', 0, lineEnd)) as SpoolRecord[];
  return { state: 'whole', records: placeRecords(records, headerBytes + lineEnd) };
}
