// A ring in a file of the dashboard's own, with all of it in memory as well: reads ask no disk, and without a folder that
// can be written to the ring lives as long as the process.

import { type FileHandle, open } from 'node:fs/promises';
import {
  decodeRing,
  encodeRecord,
  headerOf,
  positionOf,
  type RingRecord,
  type RingShape,
  ringBytes,
  slotOf,
} from './ring.ts';

export class RingFile {
  readonly shape: RingShape;
  readonly #records: (RingRecord | undefined)[];
  #handle: FileHandle | undefined;
  readonly #unwritten = new Map<number, RingRecord>();
  #writing: Promise<void> | undefined;

  constructor(shape: RingShape) {
    this.shape = shape;
    this.#records = new Array(shape.slots);
  }

  /** Opens or makes the file and takes over what it remembers, and it what came meanwhile. Rejects when the folder cannot be written to. */
  async attach(path: string): Promise<void> {
    if (this.#handle) return;
    const handle = await openOrMake(path);
    try {
      await this.#takeOver(handle);
    } catch (error) {
      await handle.close();
      throw error;
    }
    this.#handle = handle;
  }

  async #takeOver(handle: FileHandle): Promise<void> {
    const { shape } = this;
    const remembered = decodeRing(shape, await readAll(handle));
    if (!remembered) await beginAnew(handle, shape);
    const newer = this.#records.filter((record) => record !== undefined);
    for (const record of remembered ?? []) this.#place(record);
    for (const record of newer) {
      this.#place(record);
      await handle.write(encodeRecord(shape, record), 0, undefined, positionOf(shape, record.atMs));
    }
  }

  /** Remembers a moment, in the file soon. Rejects never: a figure that is lost is lost. @param onFailure told why */
  note(record: RingRecord, onFailure: (error: unknown) => void): void {
    this.#place(record);
    if (!this.#handle) return;
    // By slot: a disk that hangs collects no more than the ring holds.
    this.#unwritten.set(slotOf(this.shape, record.atMs), record);
    this.#writing ??= this.#writeAll(this.#handle)
      .catch(onFailure)
      .finally(() => {
        this.#writing = undefined;
      });
  }

  async #writeAll(handle: FileHandle): Promise<void> {
    for (const [slot, record] of this.#unwritten) {
      this.#unwritten.delete(slot);
      await handle.write(encodeRecord(this.shape, record), 0, undefined, positionOf(this.shape, record.atMs));
    }
  }

  /** Oldest first: from `fromMs` to `toMs`, both included. */
  read(fromMs: number, toMs: number): RingRecord[] {
    return this.#records
      .filter((record) => record !== undefined && record.atMs >= fromMs && record.atMs <= toMs)
      .sort((a, b) => (a?.atMs ?? 0) - (b?.atMs ?? 0)) as RingRecord[];
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    await this.#writing;
    this.#handle = undefined;
    await handle?.close();
  }

  #place(record: RingRecord): void {
    this.#records[slotOf(this.shape, record.atMs)] = record;
  }
}

/** Not with `a`: on Linux it would write everything at the end. */
async function openOrMake(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return await open(path, 'w+', 0o640);
  }
}

async function readAll(handle: FileHandle): Promise<Buffer> {
  const { size } = await handle.stat();
  const file = Buffer.alloc(size);
  await handle.read(file, 0, size, 0);
  return file;
}

/** A file of another shape, or none of ours: figures are worth no more than that. */
async function beginAnew(handle: FileHandle, shape: RingShape): Promise<void> {
  await handle.truncate(0);
  await handle.truncate(ringBytes(shape));
  await handle.write(headerOf(shape), 0, undefined, 0);
}
