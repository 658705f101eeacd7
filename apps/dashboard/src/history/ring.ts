// A ring of records of one size: where a record stands follows from its time alone, so there is no pointer that could be
// wrong, and writing a moment twice does no harm. Each record has a checksum; one that was torn by a crash counts as absent.

import { crc32 } from 'node:zlib';

export interface RingShape {
  /** Distance of the records in time, in milliseconds. */
  readonly stepMs: number;
  readonly slots: number;
  /** Numbers in a record. */
  readonly fields: number;
}

export interface RingRecord {
  readonly atMs: number;
  /** NaN where nobody knew. */
  readonly values: readonly number[];
}

const magic = Buffer.from('ffring1\n');
export const headerBytes = 32;
const numberBytes = 8;

/** Time, values, checksum, four bytes to keep the numbers aligned. */
export const recordBytes = ({ fields }: RingShape): number => numberBytes * (fields + 2);
export const ringBytes = (shape: RingShape): number => headerBytes + shape.slots * recordBytes(shape);

export function headerOf({ stepMs, slots, fields }: RingShape): Buffer {
  const header = Buffer.alloc(headerBytes);
  magic.copy(header);
  header.writeUInt32LE(stepMs, 8);
  header.writeUInt32LE(slots, 12);
  header.writeUInt32LE(fields, 16);
  header.writeUInt32LE(crc32(header.subarray(0, 20)), 20);
  return header;
}

/** Where in the file the record of a moment stands, in bytes. */
export function positionOf(shape: RingShape, atMs: number): number {
  return headerBytes + slotOf(shape, atMs) * recordBytes(shape);
}

export function slotOf({ stepMs, slots }: RingShape, atMs: number): number {
  return Math.floor(atMs / stepMs) % slots;
}

export function encodeRecord(shape: RingShape, { atMs, values }: RingRecord): Buffer {
  const record = Buffer.alloc(recordBytes(shape));
  record.writeDoubleLE(atMs, 0);
  for (let field = 0; field < shape.fields; field += 1) {
    record.writeDoubleLE(values[field] ?? Number.NaN, numberBytes * (field + 1));
  }
  const end = numberBytes * (shape.fields + 1);
  record.writeUInt32LE(crc32(record.subarray(0, end)), end);
  return record;
}

/** @returns the records that are whole, in no order; undefined when the file is not a ring of this shape. */
export function decodeRing(shape: RingShape, file: Buffer): RingRecord[] | undefined {
  if (!headerOf(shape).equals(file.subarray(0, headerBytes))) return undefined;
  const size = recordBytes(shape);
  const records: RingRecord[] = [];
  for (let slot = 0; slot < shape.slots; slot += 1) {
    const record = file.subarray(headerBytes + slot * size, headerBytes + (slot + 1) * size);
    const decoded = record.length === size ? decodeRecord(shape, record) : undefined;
    // A record in a place that its time does not lead to is not one of ours.
    if (decoded && slotOf(shape, decoded.atMs) === slot) records.push(decoded);
  }
  return records;
}

function decodeRecord({ fields }: RingShape, record: Buffer): RingRecord | undefined {
  const end = numberBytes * (fields + 1);
  if (record.readUInt32LE(end) !== crc32(record.subarray(0, end))) return undefined;
  const atMs = record.readDoubleLE(0);
  if (!(atMs > 0)) return undefined; // an empty place
  const values = Array.from({ length: fields }, (_, field) => record.readDoubleLE(numberBytes * (field + 1)));
  return { atMs, values };
}
