// The one folder of the data folder that the dashboard writes to. A file in it belongs to nobody yet: the operation that
// names it lets the writer copy it. Room is asked for before the first byte; whatever fails leaves nothing.

import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, lstat, open, readdir, rename, statfs, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { lowWaterBytes } from '@filefleet/protocol';
import { incomingLifeMs } from '@filefleet/store';
import { ApiError } from '../api/errors.ts';
import type { UploadLimits } from './limits.ts';

/** Of a file that is still being written; the writer never sees such a name. */
const partSuffix = '.part';

/** A file that lies there whole. */
export interface Brought {
  readonly name: string;
  readonly digest: string;
  readonly size: number;
}

export class IncomingFolder {
  readonly #folder: string;
  readonly #limits: UploadLimits;
  /** Bytes that are promised to uploads under way, by their names. */
  readonly #promised = new Map<string, number>();

  constructor(folder: string, limits: UploadLimits) {
    this.#folder = folder;
    this.#limits = limits;
  }

  /**
   * Begins a file.
   * @param bytes that it may have at most.
   * @throws ApiError INCOMING_FULL, DISK_FULL, UPLOADS_UNAVAILABLE
   */
  async begin(bytes: number): Promise<IncomingDraft> {
    const name = randomUUID();
    this.#promised.set(name, bytes); // before anything is awaited: others must see it
    try {
      await this.#assertRoom();
      const path = join(this.#folder, name);
      const handle = await open(path + partSuffix, 'wx', 0o640);
      return new IncomingDraft({
        folder: this.#folder,
        name,
        handle,
        end: () => this.#promised.delete(name),
      });
    } catch (error) {
      this.#promised.delete(name);
      throw inWords(error);
    }
  }

  /** Takes back a file that no operation needs. Its absence is fine. */
  async remove(name: string): Promise<void> {
    await unlink(join(this.#folder, name)).catch(() => undefined); // the writer's walk takes what stays
  }

  /**
   * Removes what is older than an hour, and what a dashboard that was killed left half-written.
   * @returns what is there, without what is being written by this process.
   */
  async sweep(): Promise<{ files: number; bytes: number }> {
    const found = { files: 0, bytes: 0 };
    for (const name of await readdir(this.#folder)) {
      const isPart = name.endsWith(partSuffix);
      if (isPart && this.#promised.has(name.slice(0, -partSuffix.length))) continue;
      const stat = await lstat(join(this.#folder, name)).catch(() => undefined);
      if (!stat) continue;
      // By the file system's clock, which is the one that dates files. Nobody pauses longer than a stall while writing.
      const ageMs = Date.now() - stat.ctimeMs;
      if (ageMs > (isPart ? 2 * this.#limits.stallMs : incomingLifeMs)) {
        await this.remove(name);
        continue;
      }
      found.files += 1;
      found.bytes += stat.size;
    }
    return found;
  }

  async #assertRoom(): Promise<void> {
    const { totalBytes, totalFiles } = this.#limits;
    const there = await this.sweep();
    const promised = [...this.#promised.values()].reduce((sum, each) => sum + each, 0);
    const files = there.files + this.#promised.size;
    if (there.bytes + promised > totalBytes || files > totalFiles) throw full();
    const { bavail, bsize, blocks } = await statfs(this.#folder);
    if (bavail * bsize - promised < lowWaterBytes(blocks * bsize)) throw diskFull();
  }
}

interface DraftFacts {
  readonly folder: string;
  readonly name: string;
  readonly handle: FileHandle;
  /** Called once, when its bytes need no promise any more. */
  readonly end: () => void;
}

/** A file on its way into the folder. */
export class IncomingDraft {
  readonly #facts: DraftFacts;
  readonly #hash = createHash('sha256');
  #size = 0;
  #isOver = false;

  constructor(facts: DraftFacts) {
    this.#facts = facts;
  }

  get size(): number {
    return this.#size;
  }

  /** @throws ApiError DISK_FULL */
  async write(chunk: Uint8Array): Promise<void> {
    this.#hash.update(chunk);
    this.#size += chunk.byteLength;
    await this.#facts.handle.writeFile(chunk).catch(rethrow);
  }

  /** Makes it durable under its name. @throws ApiError DISK_FULL; then call `discard`. */
  async keep(): Promise<Brought> {
    const { folder, name, handle } = this.#facts;
    const path = join(folder, name);
    try {
      await handle.sync();
      await handle.close();
      await rename(path + partSuffix, path);
      await syncFolder(folder);
    } catch (error) {
      throw inWords(error);
    }
    this.#end();
    return { name, digest: this.#hash.digest('hex'), size: this.#size };
  }

  /** Leaves nothing. After `keep`, and a second time, it does nothing. */
  async discard(): Promise<void> {
    if (this.#isOver) return;
    const { folder, name, handle } = this.#facts;
    await handle.close().catch(() => undefined);
    for (const left of [name + partSuffix, name]) await unlink(join(folder, left)).catch(() => undefined);
    this.#end();
  }

  #end(): void {
    this.#isOver = true;
    this.#facts.end();
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

const full = () =>
  new ApiError(
    503,
    'INCOMING_FULL',
    'expected room among the uploads that wait for the writer, got none; try again when it has taken some',
  );
const diskFull = () =>
  new ApiError(507, 'DISK_FULL', 'expected room on the disk of the store, got none; nothing was stored');

/** What the machine says about the folder, in words that tell no path. */
function inWords(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT') return diskFull();
  if (code !== 'ENOENT' && code !== 'EACCES' && code !== 'EROFS' && code !== 'EPERM') return error;
  return new ApiError(
    503,
    'UPLOADS_UNAVAILABLE',
    `expected the folder for uploads to be there and open for the dashboard, got ${code}; start the writer once, which makes it`,
  );
}

function rethrow(error: unknown): never {
  throw inWords(error);
}
