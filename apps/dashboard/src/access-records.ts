// Who looked at which file, and who took it: sent to the writer in batches, so that it stands in the file's history. Never holds
// an answer up, and never grows without bound: what does not fit is dropped, counted, and said in the log.

import { limits, makeOperationId } from '@filefleet/protocol';
import { LRUCache } from 'lru-cache';
import { ActionError } from './actions/action-error.ts';
import type { Actions } from './actions/actions.ts';
import type { Emit } from './events.ts';

export type AccessType = 'view' | 'download';

interface Entry {
  readonly fileId: string;
  readonly accessType: AccessType;
  readonly atMs: number;
  readonly accessedBy: string;
}

interface Batch {
  readonly operationId: string;
  readonly entries: readonly Entry[];
}

export interface AccessRecordsOptions {
  /** The queue, as forms use it. */
  readonly actions: Pick<Actions, 'run'>;
  readonly emit: Emit;
  /** Wall clock in milliseconds. */
  readonly now: () => number;
  /** How long an entry waits for others, in milliseconds. */
  readonly everyMs?: number;
  /** Entries that wait, at most. */
  readonly waiting?: number;
}

/** Who asks again for the same within this time, such as a player that asks for part after part, looks once. Milliseconds. */
const onceWithinMs = 60_000;
const rememberedLooks = 10_000;
const defaultEveryMs = 1_000;
const defaultWaiting = 10_000;
/** While Redis is away, batches are tried again after twice the time each time, up to this. Milliseconds. */
const longestPauseMs = 30_000;
const closeMs = 1_000;

export class AccessRecords {
  readonly #options: AccessRecordsOptions;
  readonly #everyMs: number;
  readonly #looks = new LRUCache<string, number>({ max: rememberedLooks });
  #waiting: Entry[] = [];
  /** The batch that could not be sent: it goes first, as it was, so that it counts once. */
  #again: Batch | undefined;
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> | undefined;
  #pauseMs: number;
  #dropped = 0;
  #closed = false;

  constructor(options: AccessRecordsOptions) {
    this.#options = options;
    this.#everyMs = options.everyMs ?? defaultEveryMs;
    this.#pauseMs = this.#everyMs;
  }

  /** Notes that somebody looked at a file or took it. Costs the caller nothing and throws nothing. */
  record(by: string, fileId: string, accessType: AccessType): void {
    if (this.#closed) return;
    const atMs = this.#options.now();
    const key = `${accessType} ${fileId} ${by}`;
    const last = this.#looks.get(key);
    if (last !== undefined && Math.abs(atMs - last) < onceWithinMs) return;
    this.#looks.set(key, atMs);
    if (this.#waiting.length >= (this.#options.waiting ?? defaultWaiting)) this.#dropped++;
    else this.#waiting.push({ fileId, accessType, atMs, accessedBy: by });
    if (this.#waiting.length >= limits.accessEntries && !this.#again) void this.flush();
    else this.#wakeLater();
  }

  /** Sends what waits, batch after batch. Callers at the same time share one way. */
  flush(): Promise<void> {
    this.#flushing ??= this.#sendAll().finally(() => {
      this.#flushing = undefined;
      this.#reportDropped('too many at once');
      if (this.#again || this.#waiting.length > 0) this.#wakeLater();
    });
    return this.#flushing;
  }

  /** Sends what waits if that can be done within a second. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    const patience = Promise.withResolvers<void>();
    const timer = setTimeout(patience.resolve, closeMs);
    await Promise.race([this.#flushing?.then(() => this.flush()) ?? this.flush(), patience.promise]);
    clearTimeout(timer);
    clearTimeout(this.#timer);
    this.#dropped += this.#waiting.length + (this.#again?.entries.length ?? 0);
    this.#waiting = [];
    this.#again = undefined;
    this.#reportDropped('the dashboard stops');
  }

  #wakeLater(): void {
    if (this.#timer || this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.flush();
    }, this.#pauseMs);
    this.#timer.unref();
  }

  async #sendAll(): Promise<void> {
    for (let batch = this.#nextBatch(); batch; batch = this.#nextBatch()) {
      if (!(await this.#send(batch))) {
        this.#again = batch;
        this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs);
        return;
      }
      this.#pauseMs = this.#everyMs;
    }
  }

  #nextBatch(): Batch | undefined {
    const again = this.#again;
    this.#again = undefined;
    if (again) return again;
    const entries = this.#waiting.splice(0, limits.accessEntries);
    return entries.length > 0 ? { operationId: makeOperationId(this.#options.now()), entries } : undefined;
  }

  /** @returns false when it may be tried again. */
  async #send({ operationId, entries }: Batch): Promise<boolean> {
    try {
      await this.#options.actions.run(
        { name: 'dashboard' },
        'access-record',
        { entries: [...entries] },
        { operationId },
      );
      return true;
    } catch (error) {
      if (error instanceof ActionError && error.isUnderWay) return true;
      if (error instanceof ActionError && passing.has(error.code)) return false;
      this.#options.emit('access.dropped', { entries: entries.length, reason: String(error) });
      return true;
    }
  }

  #reportDropped(reason: string): void {
    if (this.#dropped === 0) return;
    this.#options.emit('access.dropped', { entries: this.#dropped, reason });
    this.#dropped = 0;
  }
}

/** What is over when Redis is back, or has room again. */
const passing: ReadonlySet<string> = new Set(['REDIS_UNAVAILABLE', 'QUOTA', 'OVER_BUDGET']);
