// Entries that are sent to the writer in batches and in nobody's way: what cannot go now waits, bounded, and goes later; what
// does not fit is dropped and counted. A batch that was tried keeps its operation id, so that it counts once.

import type { OperationFields } from '@filefleet/client';
import { makeOperationId } from '@filefleet/protocol';
import { ActionError } from './actions/action-error.ts';
import type { Actions } from './actions/actions.ts';

interface Entries {
  'access-record': OperationFields<'access-record'>['entries'][number];
  'action-record': OperationFields<'action-record'>['entries'][number];
}
type RecordName = keyof Entries;
type EntryOf<N extends RecordName> = Entries[N];

export interface RecordsOptions<N extends RecordName> {
  readonly name: N;
  /** Entries of one operation, at most. */
  readonly batch: number;
  /** The queue, as forms use it. */
  readonly actions: Pick<Actions, 'run'>;
  /** Told how many entries nobody will ever see in the audit, and why. */
  readonly onDropped: (entries: number, reason: string) => void;
  /** Wall clock in milliseconds. */
  readonly now: () => number;
  /** How long an entry waits for others, in milliseconds. */
  readonly everyMs?: number | undefined;
  /** Entries that wait, at most. */
  readonly waiting?: number | undefined;
}

interface Batch<Entry> {
  readonly operationId: string;
  readonly entries: readonly Entry[];
}

const defaultEveryMs = 1_000;
const defaultWaiting = 10_000;
/** While Redis is away, batches are tried again after twice the time each time, up to this. Milliseconds. */
const longestPauseMs = 30_000;
const closeMs = 1_000;

export class Records<N extends RecordName> {
  readonly #options: RecordsOptions<N>;
  readonly #everyMs: number;
  #waiting: EntryOf<N>[] = [];
  /** The batch that could not be sent: it goes first, as it was. */
  #again: Batch<EntryOf<N>> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> | undefined;
  #pauseMs: number;
  #dropped = 0;
  #closed = false;

  constructor(options: RecordsOptions<N>) {
    this.#options = options;
    this.#everyMs = options.everyMs ?? defaultEveryMs;
    this.#pauseMs = this.#everyMs;
  }

  /** Costs the caller nothing and throws nothing. */
  add(entry: EntryOf<N>): void {
    if (this.#closed) return;
    if (this.#waiting.length >= (this.#options.waiting ?? defaultWaiting)) this.#dropped++;
    else this.#waiting.push(entry);
    if (this.#waiting.length >= this.#options.batch && !this.#again) void this.flush();
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

  #nextBatch(): Batch<EntryOf<N>> | undefined {
    const again = this.#again;
    this.#again = undefined;
    if (again) return again;
    const entries = this.#waiting.splice(0, this.#options.batch);
    return entries.length > 0 ? { operationId: makeOperationId(this.#options.now()), entries } : undefined;
  }

  /** @returns false when it may be tried again. */
  async #send({ operationId, entries }: Batch<EntryOf<N>>): Promise<boolean> {
    const { actions, name, onDropped } = this.#options;
    try {
      const fields = { entries: [...entries] } as unknown as OperationFields<N>;
      await actions.run({ name: 'dashboard' }, name, fields, { operationId });
      return true;
    } catch (error) {
      if (error instanceof ActionError && error.isUnderWay) return true;
      if (error instanceof ActionError && passing.has(error.code)) return false;
      onDropped(entries.length, String(error));
      return true;
    }
  }

  #reportDropped(reason: string): void {
    if (this.#dropped === 0) return;
    this.#options.onDropped(this.#dropped, reason);
    this.#dropped = 0;
  }
}

/** What is over when Redis is back, or has room again. */
const passing: ReadonlySet<string> = new Set(['REDIS_UNAVAILABLE', 'QUOTA', 'OVER_BUDGET']);
