// The commit stage: one queue in front of the group transaction. A group closes when the database is free, not after
// a timer, so a lonely operation waits for nobody and a crowd shares one fsync.
//
// Environment faults are waited out in place, visibly; a fault that cannot be trusted to pass ends the process.

import { setTimeout as wait } from 'node:timers/promises';
import {
  type Clock,
  type Entry,
  type GroupResult,
  isPassing,
  type Result,
  StoreError,
} from '@filefleet/store';
import { backoffMs } from './backoff.ts';
import type { Emit } from './events.ts';

interface Waiting {
  readonly entry: Entry;
  readonly bytes: number;
  readonly resolve: (result: Result) => void;
}

export interface CommitterOptions {
  /** Applies one group; throws what `applyGroup` throws. */
  readonly apply: (entries: readonly Entry[]) => Promise<GroupResult>;
  readonly emit: Emit;
  readonly clock: Clock;
  /** A group closes at this many operations or bytes of content. */
  readonly groupOperations: number;
  readonly groupBytes: number;
  /** Called when SQLite found the disk full, before the same group is tried again. */
  readonly onFull: () => Promise<void>;
  /** Called once with an error after which nothing may be committed or acknowledged any more. */
  readonly onFatal: (error: unknown) => void;
}

export class Committer {
  readonly #options: CommitterOptions;
  readonly #queue: Waiting[] = [];
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #gaveUp = false;
  #progressAtMs: number;

  constructor(options: CommitterOptions) {
    this.#options = options;
    this.#progressAtMs = options.clock.nowMs();
  }

  /** Resolves after the COMMIT that settled the entry. Never resolves when the process ends before: then nothing may be said. */
  submit(entry: Entry): Promise<Result> {
    return new Promise((resolve) => {
      this.#queue.push({ entry, bytes: contentBytes(entry), resolve });
      this.#running ??= this.#run().catch((error: unknown) => this.#giveUp(error));
    });
  }

  /** Entries that wait for a group. */
  get depth(): number {
    return this.#queue.length;
  }

  /** When the stage last did something or had nothing to do, in milliseconds since 1970: food for a watchdog. */
  get progressAtMs(): number {
    return this.#running ? this.#progressAtMs : this.#options.clock.nowMs();
  }

  /** After this nothing is committed any more; what waits is left to the successor. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0 && !this.#stopping.signal.aborted) {
      await this.#gather();
      if (this.#stopping.signal.aborted) break;
      const group = this.#closeGroup();
      const applied = await this.#applyInPlace(group);
      if (!applied) break;
      applied.results.forEach((result, i) => {
        group[i]?.resolve(result);
      });
    }
    this.#running = undefined;
  }

  /** What else arrives in this turn of the loop joins the group; as long as turns bring more, so does what they bring. */
  async #gather(): Promise<void> {
    let seen: number;
    do {
      seen = this.#queue.length;
      await new Promise(setImmediate);
    } while (this.#queue.length > seen && this.#queue.length < this.#options.groupOperations);
  }

  #giveUp(error: unknown): void {
    if (this.#gaveUp) return;
    this.#gaveUp = true;
    this.#stopping.abort();
    this.#options.onFatal(error);
  }

  #closeGroup(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const waiting of this.#queue) {
      bytes += waiting.bytes;
      if (count > 0 && (count >= this.#options.groupOperations || bytes > this.#options.groupBytes)) break;
      count += 1;
    }
    return this.#queue.splice(0, count);
  }

  /** Tries the same group until it is in. @returns undefined when it never will be, in this process. */
  async #applyInPlace(group: readonly Waiting[]): Promise<GroupResult | undefined> {
    const { apply, emit, clock } = this.#options;
    const entries = group.map(({ entry }) => entry);
    for (let attempt = 1; ; attempt++) {
      this.#progressAtMs = clock.nowMs();
      try {
        const startedAt = performance.now();
        const applied = await apply(entries);
        const durationMs = Math.round((performance.now() - startedAt) * 100) / 100;
        emit('group.committed', {
          operations: entries.length,
          commitSequence: applied.commitSequence,
          durationMs,
        });
        return applied;
      } catch (error) {
        if (!isPassing(error)) {
          this.#giveUp(error);
          return undefined;
        }
        if (isFull(error)) await this.#options.onFull();
        const retryInMs = backoffMs(attempt);
        emit('group.waiting', { ...describe(error), attempt, retryInMs });
        const stopped = await wait(retryInMs, false, { signal: this.#stopping.signal }).catch(() => true);
        if (stopped) return undefined;
      }
    }
  }
}

function contentBytes(entry: Entry): number {
  return entry.kind === 'operation' && entry.content?.kind === 'inline' ? entry.content.bytes.byteLength : 0;
}

const isFull = (error: unknown): boolean => error instanceof StoreError && error.code === 'STORAGE_FULL';

function describe(error: unknown): { code: string; message: string } {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'UNKNOWN';
  return { code, message: error instanceof Error ? error.message : String(error) };
}
