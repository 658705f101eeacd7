// The pool of blob files that all backups share. What is in it was complete when it got its name: written, hashed, fsynced,
// then renamed.

import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { folderMode } from '../data-dir.ts';
import { errnoOf, unlessAbsent } from '../errno.ts';
import type { NamedBlob } from './copy.ts';
import { copyHashed, fsyncPath } from './files.ts';
import { poolDir } from './layout.ts';

export class Pool {
  readonly #dir: string;
  readonly #tempDir: string;
  /** Names per folder, read once: the pool does not change while a backup is made but by it. */
  readonly #folders = new Map<string, Set<string>>();
  readonly #changed = new Set<string>();
  #counter = 0;

  /** @param tempDir a folder of the same file system for files on their way. */
  constructor(backupDir: string, tempDir: string) {
    this.#dir = poolDir(backupDir);
    this.#tempDir = tempDir;
  }

  async has(name: string): Promise<boolean> {
    return (await this.#folder(name.slice(0, 2))).has(name);
  }

  /**
   * Takes a blob in from where the store keeps it.
   * @returns why it was not taken; undefined when it was.
   */
  async add(from: string, blob: NamedBlob): Promise<string | undefined> {
    this.#counter += 1;
    const temp = join(this.#tempDir, `blob-${this.#counter}`);
    try {
      const { bytes, sha256 } = await copyHashed(from, temp);
      if (bytes !== blob.size) return `${bytes} bytes`;
      if (sha256 !== blob.digest) return `digest ${sha256}`;
      await this.#keep(temp, blob.name);
      return undefined;
    } catch (error) {
      // Only of the source: where the copy goes there is a folder.
      if (errnoOf(error) === 'ENOENT' && (error as NodeJS.ErrnoException).path === from) return 'no file';
      throw error;
    } finally {
      await rm(temp, { force: true });
    }
  }

  /** Makes the names of everything added durable. */
  async sync(): Promise<void> {
    for (const folder of this.#changed) await fsyncPath(join(this.#dir, folder));
    if (this.#changed.size > 0) await fsyncPath(this.#dir);
  }

  async #keep(temp: string, name: string): Promise<void> {
    const folder = name.slice(0, 2);
    if (!this.#changed.has(folder))
      await mkdir(join(this.#dir, folder), { recursive: true, mode: folderMode });
    this.#changed.add(folder);
    await rename(temp, join(this.#dir, name));
    (await this.#folder(folder)).add(name);
  }

  async #folder(folder: string): Promise<Set<string>> {
    const known = this.#folders.get(folder);
    if (known) return known;
    const files = (await unlessAbsent(readdir(join(this.#dir, folder)))) ?? [];
    const names = new Set(files.map((file) => `${folder}/${file}`));
    this.#folders.clear(); // blobs come folder by folder; a million names need not be remembered
    this.#folders.set(folder, names);
    return names;
  }
}
