// The main thread's end of the line to the commit thread: requests are answered in the order in which they were made.

import type { Worker } from 'node:worker_threads';
import type { DatabaseCopy, Entry, GroupResult, Slice, SliceRequest, Suspect } from '@filefleet/store';
import {
  fromPlainError,
  type Opening,
  packEntries,
  type Replies,
  type Reply,
  type Request,
} from './commit-messages.ts';
import { startCommitThread } from './commit-start.ts';

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class CommitLine {
  readonly epoch: number;
  readonly schemaVersion: string;
  readonly storeId: string;
  readonly healed: readonly string[];
  readonly #thread: Worker;
  readonly #onLost: (error: Error) => void;
  readonly #waiting: Waiting[] = [];
  #copying: PromiseWithResolvers<DatabaseCopy> | undefined;
  #closed: Promise<undefined> | undefined;
  #lost: Error | undefined;

  /**
   * Tells the thread to take the lock, initialise the schema and raise the epoch.
   * @param thread one that nobody has told anything yet.
   * @param onLost called once when the thread ends without having been closed: nothing can be committed any more.
   * @throws StoreError as WriterSession.open says.
   */
  static open(
    dataDir: string,
    onLost: (error: Error) => void,
    thread = startCommitThread(),
  ): Promise<CommitLine> {
    thread.postMessage({ dataDir } satisfies Opening);
    return new Promise((resolve, reject) => {
      thread.once('message', (first: Reply) => {
        if (first.kind === 'opened') resolve(new CommitLine(thread, first, onLost));
        else reject(first.kind === 'failed' ? fromPlainError(first.error) : lost('an answer out of turn'));
      });
      thread.once('error', (error) => reject(asError(error)));
      thread.once('exit', (code) => reject(lost(`its end (${code})`)));
    });
  }

  private constructor(
    thread: Worker,
    opened: Extract<Reply, { kind: 'opened' }>,
    onLost: (error: Error) => void,
  ) {
    this.epoch = opened.epoch;
    this.schemaVersion = opened.schemaVersion;
    this.storeId = opened.storeId;
    this.healed = opened.healed;
    this.#thread = thread;
    this.#onLost = onLost;
    thread.on('message', (reply: Reply) => this.#settle(reply));
    thread.on('messageerror', (error) => this.#lose(error));
    thread.on('error', (error) => this.#lose(asError(error)));
    thread.on('exit', (code) => this.#lose(lost(`its end (${code})`)));
  }

  /** Applies a group and commits it. @throws StoreError as applyGroup says. */
  apply(entries: readonly Entry[]): Promise<GroupResult> {
    const packed = packEntries(entries);
    return this.#ask({ kind: 'apply', ...packed }, [packed.bytes]);
  }

  noteSuspects(jobIds: readonly string[]): Promise<readonly Suspect[]> {
    return this.#ask({ kind: 'note-suspects', jobIds });
  }

  beginSolo(jobId: string | undefined, cleared: readonly string[]): Promise<undefined> {
    return this.#ask({ kind: 'begin-solo', jobId, cleared });
  }

  prune(): Promise<{ receipts: number; refusals: number }> {
    return this.#ask({ kind: 'prune' });
  }

  /** Does one slice of maintenance and commits it. @throws StoreError as WriterSession.maintain says. */
  maintain(request: SliceRequest): Promise<Slice> {
    return this.#ask({ kind: 'maintain', request });
  }

  /**
   * Copies the database, in slices between which groups are committed. One copy at a time.
   * @throws StoreError BACKUP_FAILED; CLOSED when the line was closed meanwhile.
   */
  async backupTo(targetPath: string): Promise<DatabaseCopy> {
    if (this.#copying) throw new Error('expected one copy of the database at a time, got a second');
    const copying = Promise.withResolvers<DatabaseCopy>();
    copying.promise.catch(() => undefined); // whoever awaits it below has the error
    this.#copying = copying;
    await this.#ask({ kind: 'copy-database', targetPath });
    return await copying.promise;
  }

  /** Ends the tenure; resolves when database and lock are closed. Closing twice is closing once. */
  close(): Promise<undefined> {
    this.#closed ??= this.#ask({ kind: 'close' });
    return this.#closed;
  }

  #ask<R extends Request>(request: R, transfer: ArrayBuffer[] = []): Promise<Replies[R['kind']]> {
    return new Promise((resolve, reject) => {
      if (this.#lost) throw this.#lost;
      this.#thread.postMessage(request, transfer); // what cannot be posted throws here and waits for no answer
      this.#waiting.push({ resolve: resolve as (value: unknown) => void, reject });
    });
  }

  #settle(reply: Reply): void {
    if (reply.kind === 'opened') return;
    if (reply.kind === 'copied') {
      this.#endCopy(reply);
      return;
    }
    const waiting = this.#waiting.shift();
    if (reply.kind === 'failed') waiting?.reject(fromPlainError(reply.error));
    else waiting?.resolve(reply.value);
  }

  #endCopy({ copy, error }: Extract<Reply, { kind: 'copied' }>): void {
    const copying = this.#copying;
    this.#copying = undefined;
    if (copy) copying?.resolve(copy);
    else copying?.reject(error ? fromPlainError(error) : lost('no copy'));
  }

  /** Whoever waits gets an error: whether a group under way was committed, nobody here can say. */
  #lose(error: Error): void {
    if (this.#lost) return;
    this.#lost = error;
    const waiting = this.#waiting.splice(0);
    if (waiting.length > 0 || !this.#closed) this.#onLost(error);
    for (const { reject } of waiting) reject(error);
    this.#copying?.reject(error);
  }
}

const lost = (got: string): Error => new Error(`expected the commit thread to go on, got ${got}`);

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
