// One operation's place in a spool: room is taken when it is called, bytes and record are written after it has its
// number, and it goes when it is settled.

import type { OperationName } from '@filefleet/protocol';
import type { Source } from '../source.ts';
import type { SpoolRecord } from './batch.ts';
import type { Kept } from './batch-writer.ts';
import type { ContentPlace } from './content.ts';

/**
 * - `open`: its content is still being read.
 * - `writing`: its record is on its way to the disk; it may turn up there whatever happens now.
 * - `kept`: accepted.
 */
export type SlotState = 'open' | 'writing' | 'kept';

export interface SlotFacts {
  readonly name: OperationName;
  readonly operationId: string;
  readonly idGiven: boolean;
  readonly payload: Readonly<Record<string, unknown>>;
}

export class SpoolSlot {
  readonly facts: SlotFacts;
  readonly acceptedAtMs: number;
  state: SlotState = 'open';
  /** Bytes of the spool that are its own, taken before they are written. */
  taken: number;
  /** What `taken` already has of its content. */
  expectedBytes: number;
  record: SpoolRecord | undefined;
  place: Kept | undefined;
  contentPlace: ContentPlace | undefined;
  /** The accepted bytes, for whoever stages them; undefined for operations without content. */
  source: Source | undefined;
  readonly #kept = Promise.withResolvers<void>();

  constructor(facts: SlotFacts, acceptedAtMs: number, taken: number, expectedBytes: number) {
    this.facts = facts;
    this.acceptedAtMs = acceptedAtMs;
    this.taken = taken;
    this.expectedBytes = expectedBytes;
    this.#kept.promise.catch(() => {}); // nobody may be listening
  }

  /** Resolves once the operation is on the disk; rejects when it never will be. */
  get kept(): Promise<void> {
    return this.#kept.promise;
  }

  get sessionId(): string | undefined {
    const { sessionId } = this.facts.payload;
    return typeof sessionId === 'string' ? sessionId : undefined;
  }

  accept(): void {
    this.state = 'kept';
    this.#kept.resolve();
  }

  fail(error: unknown): void {
    this.#kept.reject(error);
  }
}
