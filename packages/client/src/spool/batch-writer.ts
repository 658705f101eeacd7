// Puts records on the disk in groups: while one batch is being synced, the next one gathers. A lonely record waits
// for nobody; hundreds at once share two fsyncs.

import { type FileHandle, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type BatchItem, byteLength, contentOffset, encodeBatch, placeRecords } from './batch.ts';
import { batchName, withFile, writeAll } from './folder.ts';
import type { SpoolProbe } from './settings.ts';

/** A batch closes at this many records or bytes. */
const batchRecords = 256;
const batchBytes = 4 * 1024 * 1024;

/** A batch on the disk. It goes as a whole, with its last operation. */
export interface Batch {
  readonly path: string;
  readonly bytes: number;
  /** Operations of it that are not settled. */
  live: number;
}

/** Where an accepted record lies. */
export interface Kept {
  readonly batch: Batch;
  /** Where its content begins, if that is in the batch. */
  readonly offset: number;
}

interface Waiting extends BatchItem {
  readonly bytesOnDisk: number;
  readonly onKept: (kept: Kept) => void;
  readonly onFailed: (error: unknown) => void;
}

export class BatchWriter {
  readonly #folder: string;
  readonly #probe: SpoolProbe;
  readonly #syncs: boolean;
  readonly #waiting: Waiting[] = [];
  #next: number;
  #handle: FileHandle | undefined;
  #running: Promise<void> | undefined;

  /** @param folder the folder of entries. @param next the number of the next batch. @param syncs false in tests that must miss it. */
  constructor(folder: string, next: number, probe: SpoolProbe, syncs = true) {
    this.#folder = folder;
    this.#next = next;
    this.#probe = probe;
    this.#syncs = syncs;
  }

  /** Resolves once the record is on the disk, its file and its name. */
  write(item: BatchItem): Promise<Kept> {
    return new Promise((onKept, onFailed) => {
      const bytesOnDisk = item.bytes?.byteLength ?? 0;
      this.#waiting.push({ ...item, bytesOnDisk, onKept, onFailed });
      this.#running ??= this.#run().finally(() => {
        this.#running = undefined;
      });
    });
  }

  /** Resolves when nothing is being written; nothing may be given to it afterwards. */
  async close(): Promise<void> {
    await this.#running;
    await this.#handle?.close();
    this.#handle = undefined;
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // calls of one tick go together
    while (this.#waiting.length > 0) await this.#writeOne(this.#takeGroup());
  }

  /** Content in a file of its own goes when its operation is settled, so its record must not outlive it in a batch. */
  #takeGroup(): Waiting[] {
    let count = 0;
    for (let bytes = 0; count < this.#waiting.length && count < batchRecords; count++) {
      const { record, bytesOnDisk } = this.#waiting[count] as Waiting;
      const isAlone = record.content?.file !== undefined;
      bytes += bytesOnDisk;
      if (count > 0 && (isAlone || bytes > batchBytes)) break;
      if (isAlone) return this.#waiting.splice(0, 1);
    }
    return this.#waiting.splice(0, count);
  }

  async #writeOne(group: readonly Waiting[]): Promise<void> {
    const path = join(this.#folder, batchName(this.#next++));
    try {
      const parts = encodeBatch(group);
      await this.#writeFile(path, parts);
      await this.#syncNames();
      const batch = { path, bytes: byteLength(parts), live: group.length };
      const placed = placeRecords(
        group.map(({ record }) => record),
        contentOffset(parts),
      );
      for (const [n, { onKept }] of group.entries()) onKept({ batch, offset: placed[n]?.offset ?? 0 });
    } catch (error) {
      await unlink(path).catch(() => undefined); // nobody was told that it is there
      for (const { onFailed } of group) onFailed(error);
    }
  }

  async #writeFile(path: string, parts: readonly Uint8Array[]): Promise<void> {
    await withFile(path, async (file) => {
      this.#probe('spool.batch-made');
      // The header last but one: between the two writes the file is torn for everybody who looks.
      const [header, ...rest] = parts as [Uint8Array, ...Uint8Array[]];
      await writeAll(file, [header]);
      this.#probe('spool.batch-begun');
      await writeAll(file, rest);
      this.#probe('spool.batch-written');
      if (this.#syncs) await file.sync();
      this.#probe('spool.batch-synced');
    });
  }

  async #syncNames(): Promise<void> {
    this.#handle ??= await open(this.#folder, 'r');
    await this.#handle.sync();
    this.#probe('spool.folder-synced');
  }
}
