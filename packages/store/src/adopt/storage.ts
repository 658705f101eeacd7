// The folder in which another program kept its files. Only plain files below it are ever read: no symbolic link is followed, no
// path may lead out, and what is opened is what was found.

import { constants } from 'node:fs';
import { type FileHandle, open, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { type Hashed, hashFrom } from '../backup/files.ts';
import { errnoOf } from '../errno.ts';
import { StoreError } from '../errors.ts';
import { changed } from './source.ts';

export interface StorageFile {
  /** Absolute; what is no UTF-8 in it is replaced. */
  readonly path: string;
  /** The same as the disk has it. */
  readonly raw: Buffer;
  /** Below the folder, for people. */
  readonly shown: string;
  readonly size: number;
  readonly ino: bigint;
  readonly dev: bigint;
}

/** What a path of a row leads to. */
export type Place =
  | { readonly kind: 'file'; readonly file: StorageFile }
  | { readonly kind: 'nowhere' | 'outside' | 'link' };

/** In place of a digest: nobody may read the file, or the disk does not give it. It matches nothing. */
export const unreadable = 'unreadable';

function unlessUnreadable(error: unknown): Hashed {
  if (['EACCES', 'EPERM', 'EIO'].includes(errnoOf(error) ?? '')) return { bytes: 0, sha256: unreadable };
  throw error;
}

export class Storage {
  readonly #root: string;
  /** As it was given: rows may hold paths that begin with it. */
  readonly #given: string;
  readonly #files: StorageFile[] = [];
  readonly #byPath = new Map<string, StorageFile>();
  readonly #byName = new Map<string, StorageFile[]>();
  readonly #links = new Set<string>();
  readonly #digests = new Map<StorageFile, Hashed>();
  #byDigest: Map<string, StorageFile> | undefined;

  /**
   * Looks through a folder.
   * @param without a folder below it that is none of its business.
   * @throws StoreError PATH_INVALID
   */
  static async open(dir: string, without: string): Promise<Storage> {
    try {
      const storage = new Storage(await realpath(dir), resolve(dir));
      await storage.#walk(Buffer.from(storage.#root), without);
      return storage;
    } catch (cause) {
      const { path = dir } = cause as NodeJS.ErrnoException; // a folder below it, perhaps
      const message = `expected ${path} to be a folder that can be read, got ${errnoOf(cause) ?? String(cause)}`;
      throw new StoreError('PATH_INVALID', message, { cause, facts: { dir } });
    }
  }

  private constructor(root: string, given: string) {
    this.#root = root;
    this.#given = given;
  }

  at(path: string): Place {
    if (path === '' || path.includes('\0')) return { kind: 'nowhere' };
    const below = isAbsolute(path) ? this.#below(path) : path;
    if (below === undefined) return { kind: 'outside' };
    const absolute = resolve(this.#root, below);
    if (absolute !== this.#root && !absolute.startsWith(this.#root + sep)) return { kind: 'outside' };
    const file = this.#byPath.get(absolute);
    if (file) return { kind: 'file', file };
    for (let part = absolute; part.length > this.#root.length; part = dirname(part)) {
      if (this.#links.has(part)) return { kind: 'link' };
    }
    return { kind: 'nowhere' };
  }

  named(name: string): readonly StorageFile[] {
    return this.#byName.get(basename(name)) ?? [];
  }

  /** The first look at a digest reads everything that is there, once. */
  async withDigest(digest: string): Promise<StorageFile | undefined> {
    if (!this.#byDigest) {
      this.#byDigest = new Map();
      for (const file of this.#files) {
        const { sha256 } = await this.hash(file);
        if (!this.#byDigest.has(sha256)) this.#byDigest.set(sha256, file);
      }
    }
    return this.#byDigest.get(digest);
  }

  /** @throws StoreError SOURCE_CHANGED */
  async hash(file: StorageFile): Promise<Hashed> {
    const known = this.#digests.get(file);
    if (known) return known;
    const hashed = await this.read(file, hashFrom).catch(unlessUnreadable);
    this.#digests.set(file, hashed);
    return hashed;
  }

  /** Opens a file that was found, and nothing that has taken its place. @throws StoreError SOURCE_CHANGED */
  async read<T>(file: StorageFile, use: (handle: FileHandle) => Promise<T>): Promise<T> {
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const handle = await open(file.raw, flags).catch((error: unknown) => {
      if (['ENOENT', 'ELOOP', 'ENOTDIR'].includes(errnoOf(error) ?? '')) throw changed(file.path);
      throw error;
    });
    try {
      const now = await handle.stat({ bigint: true });
      if (now.ino !== file.ino || now.dev !== file.dev || Number(now.size) !== file.size)
        throw changed(file.path);
      return await use(handle);
    } finally {
      await handle.close();
    }
  }

  #below(path: string): string | undefined {
    const absolute = resolve(path);
    for (const root of [this.#root, this.#given]) {
      if (absolute.startsWith(root + sep)) return relative(root, absolute);
    }
    return undefined;
  }

  /** Names are bytes to the disk: read as text, one that is no UTF-8 would lead nowhere. */
  async #walk(folder: Buffer, without: string): Promise<void> {
    for (const entry of await readdir(folder, { withFileTypes: true, encoding: 'buffer' })) {
      const raw = Buffer.concat([folder, Buffer.from(sep), entry.name]);
      const path = raw.toString();
      if (path === without) continue;
      if (entry.isSymbolicLink()) this.#links.add(path);
      else if (entry.isDirectory()) await this.#walk(raw, without);
      else if (entry.isFile()) await this.#add(raw, path);
    }
  }

  async #add(raw: Buffer, path: string): Promise<void> {
    const { size, ino, dev } = await stat(raw, { bigint: true });
    const file = { path, raw, shown: relative(this.#root, path), size: Number(size), ino, dev };
    this.#files.push(file);
    if (!this.#byPath.has(path)) this.#byPath.set(path, file);
    const name = basename(path);
    this.#byName.set(name, [...(this.#byName.get(name) ?? []), file]);
  }
}
