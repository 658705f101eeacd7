// One operation under way: what it asks for, where it stands, and who waits for it.

import type { OperationName, Receipt } from '@filefleet/protocol';
import type { ClientError } from './errors.ts';
import type { Lane } from './lane.ts';
import type { QueuePlace } from './queue-gate.ts';
import type { SpoolSlot } from './spool/slot.ts';
import type { Stage } from './stage.ts';

export interface EntryFacts {
  readonly name: OperationName;
  readonly operationId: string;
  /** The caller chose the id, so that jobs of another process may bear it already. */
  readonly idGiven: boolean;
  /** The checked payload without what the way adds: sequence, previous, digest, size, content. */
  readonly payload: Readonly<Record<string, unknown>>;
  readonly lane: Lane<Entry>;
  /** False for operations without a session: they have a lane of their own and travel without numbers. */
  readonly ordered: boolean;
  readonly stage: Stage | undefined;
  /** The number that it had in a former process; the lane's next one unless given. */
  readonly sequence?: number;
  /** What must have happened before it is prepared. A rejection gives the operation up. */
  readonly before?: () => Promise<unknown>;
  /** Its place in the spool folder; without a spool there is none. */
  readonly slot?: SpoolSlot;
}

/** Made once: an error takes its time to note where it was made. */
const hasSettled = new Error('settled');

export class Entry {
  readonly facts: EntryFacts;
  readonly sequence: number;
  /** Number of the latest job; -1 before the first. */
  repeat = -1;
  /** Whether Redis has, or may have, a job of it. */
  handed = false;
  /** Its bytes have to be put into Redis again. */
  restage = false;
  /** How often it was looked for. */
  asks = 0;
  /** How often the writer wanted it again while its lane stood at `progressSeen`. */
  resends = 0;
  progressSeen = 0;
  failedAdds = 0;
  /** Staging answers since its stream was consumed. */
  lastQuestions = 0;
  /** What happens next to it by itself, and when. */
  due: { readonly atMs: number; readonly step: 'look' | 'prepare' } | undefined;
  isPreparing = false;
  isLooking = false;
  /** Whether it was counted among what this VM may queue, and where it stands there. */
  place: QueuePlace | undefined;
  #hasEnded = false;
  #ending: AbortController | undefined;
  #endedWith: Error | undefined;
  readonly #accepted = Promise.withResolvers<void>();
  readonly #settled = Promise.withResolvers<Receipt>();

  constructor(facts: EntryFacts) {
    this.facts = facts;
    this.sequence = facts.lane.number(this, facts.sequence);
    // Nobody may be listening; those who are get their own rejection.
    this.#accepted.promise.catch(() => {});
    this.#settled.promise.catch(() => {});
  }

  /** Resolves once Redis has a job of it. */
  get accepted(): Promise<void> {
    return this.#accepted.promise;
  }

  /** Resolves with the receipt, applied or refused; rejects when the client gives it up or is closed. */
  get settled(): Promise<Receipt> {
    return this.#settled.promise;
  }

  /** Whether it lies in the spool folder, so that it outlives this process. */
  get isSpooled(): boolean {
    return this.facts.slot?.state === 'kept';
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Aborted, with the reason, when it ends: everything done for it stops. Made for who listens; most need none. */
  get signal(): AbortSignal {
    this.#ending ??= new AbortController();
    if (this.#hasEnded) this.#ending.abort(this.#endedWith);
    return this.#ending.signal;
  }

  accept(): void {
    this.#accepted.resolve();
  }

  settle(receipt: Receipt): void {
    this.#accepted.resolve();
    this.#settled.resolve(receipt);
    this.#end(hasSettled);
  }

  fail(error: ClientError): void {
    this.#accepted.reject(error);
    this.#settled.reject(error);
    this.#end(error);
  }

  #end(reason: Error): void {
    this.#hasEnded = true;
    this.#endedWith = reason;
    this.#ending?.abort(reason);
  }
}
