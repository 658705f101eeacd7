// Bytes of refused stores, so that an operator can have one executed anew: files in `dead-letters/`, named by their operation.
// Bounded in time and room; what is gone is gone, and a retry says so.

import { readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { BlobDraft } from './blobs.ts';

/** The oldest go first when there is more than this. */
export const keptRefusedBytes = Object.freeze({ lifeMs: 7 * 24 * 3_600_000, totalBytes: 1024 ** 3 });

interface Kept {
  readonly name: string;
  readonly size: number;
  readonly atMs: number;
}

export class RefusedBytes {
  readonly #folder: string;
  readonly #limits: { readonly lifeMs: number; readonly totalBytes: number };
  /** What the folder holds, once somebody has looked. */
  #total: number | undefined;

  /** @param limits for tests. */
  constructor(folder: string, limits: typeof keptRefusedBytes = keptRefusedBytes) {
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
   * Removes bytes that are too old, or that belong to no dead letter (any more).
   * @param isListed whether an operation is among the dead letters.
   * @param nowMs wall clock in milliseconds.
   * @returns how many files went.
   */
  async prune(isListed: (operationId: string) => boolean, nowMs: number): Promise<number> {
    const kept = await this.#list();
    const isOver = ({ name, atMs }: Kept) => atMs < nowMs - this.#limits.lifeMs || !isListed(name);
    const over = kept.filter(isOver);
    for (const { name } of over) await unlessAbsent(unlink(this.pathOf(name)));
    this.#total = sumOf(kept) - sumOf(over);
    return over.length;
  }

  async #shrink(kept: readonly Kept[]): Promise<void> {
    let total = sumOf(kept);
    for (const { name, size } of kept.toSorted((a, b) => a.atMs - b.atMs)) {
      if (total <= this.#limits.totalBytes) break;
      await unlessAbsent(unlink(this.pathOf(name)));
      total -= size;
    }
    this.#total = total;
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

async function unlessAbsent<T>(looking: Promise<T>): Promise<T | undefined> {
  try {
    return await looking;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
