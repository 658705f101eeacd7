// What will never be stored: operations that the writer refused, with their bytes, and what the disk spoilt. Kept for
// people to look at, within bounds; the oldest go first.

import { open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { RefusedReceipt } from '@filefleet/protocol';
import type { Ending } from '../endings.ts';
import type { SpoolRecord } from './batch.ts';
import type { ContentPlace } from './content.ts';
import { isMissing, makeFolder, syncFolder, writeDurably } from './folder.ts';

/** Refused operations that are kept, beside the bound in bytes. */
export const refusedEntries = 1_000;

/** What lies in a `.json` file of the folder. */
export interface RefusedNote {
  readonly record: SpoolRecord;
  /** The writer's code, or the client's when the bytes could not be read any more. */
  readonly code: string;
  readonly message: string;
  readonly receipt?: RefusedReceipt;
  /** When it was moved here, in milliseconds since 1970. */
  readonly atMs: number;
}

const noteSuffix = '.json';
export const isNoteName = (name: string) => name.endsWith(noteSuffix);

interface Kept {
  readonly bytes: number;
  readonly atMs: number;
}

export class Refused {
  readonly #folder: string;
  readonly #maxBytes: number;
  /** Every file, the oldest first. */
  readonly #files: Map<string, Kept>;

  static async open(folder: string, maxBytes: number): Promise<Refused> {
    await makeFolder(folder);
    const files: [string, Kept][] = [];
    for (const name of await readdir(folder)) {
      const facts = await stat(join(folder, name)).catch(() => undefined);
      if (facts) files.push([name, { bytes: facts.size, atMs: facts.mtimeMs }]);
    }
    files.sort(([, one], [, other]) => one.atMs - other.atMs);
    return new Refused(folder, maxBytes, new Map(files));
  }

  private constructor(folder: string, maxBytes: number, files: Map<string, Kept>) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
    this.#files = files;
  }

  get entries(): number {
    return [...this.#files.keys()].filter((name) => !name.endsWith('.content')).length;
  }

  get bytes(): number {
    return [...this.#files.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Keeps an operation and, if it has some, its bytes. Durable when it resolves; doing it again does no harm. */
  async add(note: RefusedNote, content?: ContentPlace): Promise<void> {
    const { operationId } = note.record;
    if (content) await this.#addContent(`${operationId}.content`, content, note.atMs);
    const text = Buffer.from(`${JSON.stringify(note, undefined, 2)}\n`);
    await writeDurably(join(this.#folder, `${operationId}${noteSuffix}`), [text]);
    this.#note(`${operationId}${noteSuffix}`, { bytes: text.byteLength, atMs: note.atMs });
    await syncFolder(this.#folder);
    await this.#trim();
  }

  /** Takes a batch that cannot be read. */
  async takeDamaged(path: string, atMs: number): Promise<void> {
    const name = `${basename(path)}.damaged`;
    const { size } = await stat(path);
    await rename(path, join(this.#folder, name));
    this.#note(name, { bytes: size, atMs });
    await this.#trim();
  }

  async #addContent(name: string, { path, offset, size }: ContentPlace, atMs: number): Promise<void> {
    const target = join(this.#folder, name);
    try {
      if (offset === 0) await rename(path, target);
      else await writeDurably(target, [await readPart(path, offset, size)]);
    } catch (error) {
      if (!isMissing(error)) throw error;
      return; // gone: that may be why it is here, or it was moved before a crash
    }
    this.#note(name, { bytes: size, atMs });
  }

  #note(name: string, kept: Kept): void {
    this.#files.delete(name);
    this.#files.set(name, kept);
  }

  async #trim(): Promise<void> {
    let { bytes, entries } = this;
    for (const [name, kept] of this.#files) {
      if (bytes <= this.#maxBytes && entries <= refusedEntries) return;
      await unlink(join(this.#folder, name)).catch(() => undefined);
      this.#files.delete(name);
      bytes -= kept.bytes;
      entries = this.entries;
    }
  }
}

/** @returns undefined for what was applied. */
export function noteOf(
  record: SpoolRecord | undefined,
  ending: Ending,
  atMs: number,
): RefusedNote | undefined {
  if (record === undefined) return undefined;
  if ('error' in ending) {
    const { code, message } = ending.error;
    return { record, atMs, code, message };
  }
  const { receipt } = ending;
  if (receipt.outcome === 'applied') return undefined;
  return { record, atMs, code: receipt.code, message: receipt.message ?? '', receipt };
}

async function readPart(path: string, offset: number, size: number): Promise<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size), 0, size, offset);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
