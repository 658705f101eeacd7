// Bytes that another program left on this disk: uploads of the dashboard, under names of its choice, in the one folder that
// it may write to. Its files are read with suspicion and never renamed or linked: whoever wrote a file may still have it
// open, and could change it after it was hashed.

import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Emit } from './events.ts';

export interface Taking {
  readonly name: string;
  /** Not more than this is read, and one byte that tells of more. */
  readonly totalBytes: number;
  readonly pageBytes: number;
  /** False: each page is memory of its own, for bytes that stay there. */
  readonly reusesPages: boolean;
  readonly take: (page: Buffer) => Promise<void>;
}

export type Taken = { readonly kind: 'missing' } | { readonly kind: 'taken'; readonly size: number };

/** Links are not followed, and a pipe in the place of a file does not keep anybody waiting. */
const suspiciously = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** What says something about this machine, and not about what was put into the folder. */
const machineCodes = new Set(['EIO', 'EMFILE', 'ENFILE', 'ENOMEM']);

export class IncomingFiles {
  readonly #folder: string;
  readonly #emit: Emit;

  constructor(folder: string, emit: Emit) {
    this.#folder = folder;
    this.#emit = emit;
  }

  /**
   * Reads a file, a page at a time.
   * @returns how many bytes there were; `missing` for everything that is no regular file which may be read.
   */
  async pour(taking: Taking): Promise<Taken> {
    const file = await this.#open(taking.name);
    if (!file) return { kind: 'missing' };
    try {
      if (!(await file.stat()).isFile()) return { kind: 'missing' };
      return { kind: 'taken', size: await pages(file, taking) };
    } finally {
      await file.close();
    }
  }

  /**
   * Its operation is settled: nobody needs it any more. What cannot be removed is told of, and harms nobody.
   * @returns false: it was not there, or is there still.
   */
  async remove(name: string): Promise<boolean> {
    try {
      await unlink(join(this.#folder, name));
      return true;
    } catch (error) {
      if (codeOf(error) !== 'ENOENT')
        this.#emit('incoming.stuck', { name: name.slice(0, 100), code: codeOf(error) });
      return false;
    }
  }

  /** Removes what nobody touched since then, whatever its name. @returns how many files. */
  async removeUntouched(beforeMs: number): Promise<number> {
    const names = await readdir(this.#folder).catch(() => []);
    let removed = 0;
    for (const name of names) {
      // The change time, because whoever owns a file may set the time of its last write.
      const found = await lstat(join(this.#folder, name)).catch(() => undefined);
      if (!found || found.ctimeMs >= beforeMs) continue;
      if (await this.remove(name)) removed += 1;
    }
    return removed;
  }

  async #open(name: string): Promise<FileHandle | undefined> {
    try {
      return await open(join(this.#folder, name), suspiciously);
    } catch (error) {
      if (machineCodes.has(codeOf(error))) throw error;
      return undefined;
    }
  }
}

async function pages(
  file: FileHandle,
  { totalBytes, pageBytes, reusesPages, take }: Taking,
): Promise<number> {
  const bytes = Math.min(pageBytes, totalBytes + 1);
  const shared = reusesPages ? Buffer.allocUnsafeSlow(bytes) : undefined;
  let size = 0;
  while (size <= totalBytes) {
    const page = shared ?? Buffer.allocUnsafeSlow(bytes);
    const { bytesRead } = await file.read(page, 0, bytes, size);
    if (bytesRead === 0) break;
    size += bytesRead;
    if (size > totalBytes) break; // more than was promised: nobody wants the rest
    await take(page.subarray(0, bytesRead));
  }
  return size;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
