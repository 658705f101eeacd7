// Blobs that are files: `blobs/ab/<digest>.<epoch>-<counter>`. The name is unique per incarnation, so that a writer
// that wakes late can only ever unlink names of its own tenure. The seam for other places to keep bytes is this class.
//
// Order, for every file: temp file in the same file system, write, check, fsync, rename, fsync the directory - and only
// then may a row name it.

import { type FileHandle, open, readdir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreError } from './errors.ts';
import type { Without } from './tenure.ts';

type Probe = (step: string) => void;

/** Whether a text is a name below `blobs/` that this class could have made; nothing else is ever opened or unlinked. */
export const isBlobName = (name: string): boolean => /^[0-9a-f]{2}\/[0-9a-f]{64}\.\d+-\d+$/.test(name);

export class BlobFiles {
  readonly #blobsDir: string;
  readonly #tmpDir: string;
  readonly #epoch: number;
  readonly #probe: Probe | undefined;
  readonly #without: Without | undefined;
  #counter = 0;

  /**
   * @param probe called at named steps; tests let the process die there.
   * @param without protections taken out, for tests that must go red without them.
   */
  constructor(
    folders: { blobsDir: string; tmpDir: string },
    epoch: number,
    probe?: Probe,
    without?: Without,
  ) {
    this.#probe = probe;
    this.#without = without;
    this.#blobsDir = folders.blobsDir;
    this.#tmpDir = folders.tmpDir;
    this.#epoch = epoch;
  }

  /** Begins a temp file of this tenure. The caller writes, then calls keep() or discard(). */
  async begin(): Promise<BlobDraft> {
    this.#counter += 1;
    const incarnation = `${this.#epoch}-${this.#counter}`;
    const path = join(this.#tmpDir, incarnation);
    const handle = await open(path, 'wx', 0o640);
    this.#probe?.('content.begun');
    return new BlobDraft({
      path,
      handle,
      incarnation,
      blobsDir: this.#blobsDir,
      probe: this.#probe,
      without: this.#without,
    });
  }

  /** Removes a file that no row names. Its absence is fine. */
  async remove(name: string): Promise<void> {
    await unlink(this.pathOf(name)).catch(ignoreAbsence);
  }

  /** Removes files that no row names, and fsyncs each folder once. @returns how many there were. */
  async removeAll(names: readonly string[]): Promise<number> {
    const folders = new Set<string>();
    let removed = 0;
    for (const name of names) {
      if (!(await wasThere(unlink(this.pathOf(name))))) continue;
      removed += 1;
      folders.add(name.slice(0, 2));
    }
    if (this.#without?.has('fsync-directory')) return removed;
    for (const folder of folders) await fsyncDirectory(this.pathOf(folder));
    return removed;
  }

  pathOf(name: string): string {
    return join(this.#blobsDir, name);
  }

  /** Removes temp files of earlier tenures; a predecessor that is only paused may no longer use them. @returns how many. */
  async clearTemps(): Promise<number> {
    let cleared = 0;
    for (const name of await readdir(this.#tmpDir)) {
      const epoch = Number(/^(\d+)-\d+$/.exec(name)?.[1] ?? Number.NaN);
      if (!(epoch < this.#epoch)) continue;
      await unlink(join(this.#tmpDir, name)).catch(ignoreAbsence);
      cleared += 1;
    }
    return cleared;
  }
}

interface DraftFacts {
  readonly path: string;
  readonly handle: FileHandle;
  readonly incarnation: string;
  readonly blobsDir: string;
  readonly probe: Probe | undefined;
  readonly without: Without | undefined;
}

/** A blob on its way to the disk. */
export class BlobDraft {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #incarnation: string;
  readonly #blobsDir: string;
  readonly #probe: Probe | undefined;
  readonly #without: Without | undefined;

  constructor(draft: DraftFacts) {
    this.#path = draft.path;
    this.#handle = draft.handle;
    this.#incarnation = draft.incarnation;
    this.#blobsDir = draft.blobsDir;
    this.#probe = draft.probe;
    this.#without = draft.without;
  }

  /** Appends bytes. @throws the file system's error, ENOSPC among them. */
  async write(bytes: Uint8Array): Promise<void> {
    await this.#handle.writeFile(bytes);
  }

  /**
   * Makes the bytes durable under their digest.
   * @returns the blob's name, for its row.
   * @throws StoreError STORAGE_FAULT when an fsync failed: never retried, never inferred.
   */
  async keep(digest: string): Promise<string> {
    const folder = digest.slice(0, 2);
    return `${folder}/${await this.keepIn(join(this.#blobsDir, folder), digest)}`;
  }

  /** The same under another folder of the same file system. @returns the file's name in it. */
  async keepIn(folder: string, stem: string): Promise<string> {
    return await this.keepAs(
      folder,
      `${stem}.${this.#without?.has('unique-names') ? '1-1' : this.#incarnation}`,
    );
  }

  /** The same under a name of the caller's; a file that has it already is replaced. */
  async keepAs(folder: string, name: string): Promise<string> {
    this.#probe?.('content.written');
    if (!this.#without?.has('fsync-file')) await fsync(this.#handle);
    await this.#handle.close();
    await rename(this.#path, join(folder, name));
    if (!this.#without?.has('fsync-directory')) await fsyncDirectory(folder);
    this.#probe?.('content.kept');
    return name;
  }

  async discard(): Promise<void> {
    await this.#handle.close();
    await unlink(this.#path).catch(ignoreAbsence);
  }
}

async function fsyncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await fsync(directory);
  } finally {
    await directory.close();
  }
}

async function fsync(handle: FileHandle): Promise<void> {
  try {
    await handle.sync();
  } catch (cause) {
    const message = 'expected fsync to succeed, got an error; check the disk, then start again';
    throw new StoreError('STORAGE_FAULT', message, { cause });
  }
}

function ignoreAbsence(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
  return undefined;
}

async function wasThere(changing: Promise<void>): Promise<boolean> {
  return (await changing.then(() => true).catch(ignoreAbsence)) ?? false;
}
