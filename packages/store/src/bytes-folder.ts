// Bytes that are kept for people to look at or to have executed anew: of refused stores in `dead-letters/`, named by their
// operation; of jobs in quarantine and damaged contents in `quarantine/`. Bounded in time and room; what is gone is gone, and a
// retry says so.

import { readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { BlobDraft } from './blobs.ts';
import { unlessAbsent } from './errno.ts';

const dayMs = 24 * 3_600_000;
/** Of refused stores; the oldest go first when there is more than this. */
export const refusedBytesLimits: KeptLimits = Object.freeze({ lifeMs: 7 * dayMs, totalBytes: 1024 ** 3 });
/** Of jobs in quarantine and damaged contents: longer, for somebody has to find out what happened. */
export const quarantineLimits: KeptLimits = Object.freeze({ lifeMs: 30 * dayMs, totalBytes: 1024 ** 3 });
/** Bytes are kept before the row that lists them is committed: younger than this, they need none. */
const unlistedLifeMs = 10 * 60_000;

export interface KeptLimits {
  readonly lifeMs: number;
  readonly totalBytes: number;
}

interface Kept {
  readonly name: string;
  readonly size: number;
  readonly atMs: number;
}

export class BytesFolder {
  readonly #folder: string;
  readonly #limits: KeptLimits;
  /** What the folder holds, once somebody has looked. */
  #total: number | undefined;

  constructor(folder: string, limits: KeptLimits) {
    this.#folder = folder;
    this.#limits = limits;
  }

  pathOf(operationId: string): string {
    return join(this.#folder, operationId);
  }

  async has(operationId: string): Promise<boolean> {
    return (await unlessAbsent(stat(this.pathOf(operationId)))) !== undefined;
  }

  /**
   * Makes the bytes of a refused store durable.
   * @param size bytes of the draft.
   * @throws StoreError STORAGE_FAULT when an fsync failed.
   */
  async keep(draft: BlobDraft, operationId: string, size: number): Promise<void> {
    await draft.keepAs(this.#folder, operationId);
    this.#total = (this.#total ?? (await this.#sum()) - size) + size;
    if (this.#total > this.#limits.totalBytes) await this.#shrink(await this.#list());
  }

  /**
   * Removes bytes that are too old, too many, or that nothing lists (any more).
   * @param isListed whether there is still something that a file's bytes belong to.
   * @param nowMs wall clock in milliseconds.
   * @returns how many files went.
   */
  async prune(isListed: (name: string) => boolean, nowMs: number): Promise<number> {
    const kept = await this.#list();
    const isOver = ({ name, atMs }: Kept) =>
      atMs < nowMs - this.#limits.lifeMs || (atMs < nowMs - unlistedLifeMs && !isListed(name));
    const over = kept.filter(isOver);
    for (const { name } of over) await unlessAbsent(unlink(this.pathOf(name)));
    return over.length + (await this.#shrink(kept.filter((file) => !over.includes(file))));
  }

  /** @returns how many files went. */
  async #shrink(kept: readonly Kept[]): Promise<number> {
    let total = sumOf(kept);
    let gone = 0;
    for (const { name, size } of kept.toSorted((a, b) => a.atMs - b.atMs)) {
      if (total <= this.#limits.totalBytes) break;
      await unlessAbsent(unlink(this.pathOf(name)));
      total -= size;
      gone++;
    }
    this.#total = total;
    return gone;
  }

  async #sum(): Promise<number> {
    return sumOf(await this.#list());
  }

  async #list(): Promise<Kept[]> {
    const kept: Kept[] = [];
    for (const name of await readdir(this.#folder)) {
      const facts = await unlessAbsent(stat(this.pathOf(name)));
      if (facts?.isFile()) kept.push({ name, size: facts.size, atMs: facts.mtimeMs });
    }
    return kept;
  }
}

const sumOf = (kept: readonly Kept[]): number => kept.reduce((sum, { size }) => sum + size, 0);
