// The moment of a slice: its transaction's connection, time and number, and how much it may do before it lets stores go on.

import type { Database } from 'better-sqlite3';
import { type AuditFacts, insertAuditEntry } from '../audit.ts';
import type { Without } from '../tenure.ts';
import type { SliceEvent, SliceRequest, SweptBlob } from './slice.ts';

/** Rows that one slice looks at or changes at most. */
export const sliceRows = 200;
/** Time after which a slice takes no further row, in milliseconds. One row is always taken, so that all work ends. */
export const sliceMs = 10;

/** How long contents stay without a file when neither a plan nor the configuration says, in milliseconds. */
const defaultGraceMs = 24 * 3_600_000;
/** Of a slice's request. */
export const graceOf = (request: SliceRequest): number =>
  ('graceMs' in request ? request.graceMs : undefined) ?? defaultGraceMs;

/** Milliseconds of a clock that never jumps; only differences mean something. */
export type MonotonicClock = () => number;

export interface SliceMoment {
  readonly db: Database;
  readonly nowMs: number;
  readonly commitSequence: number;
  readonly budget: Budget;
  readonly swept: SweptBlob[];
  readonly events: SliceEvent[];
  /** How long contents stay without a file when nobody says otherwise, in milliseconds. */
  readonly graceMs: number;
  readonly without: Without | undefined;
}

/** How many rows a slice may still take. */
export class Budget {
  readonly #monotonic: MonotonicClock;
  readonly #rows: number;
  readonly #ms: number;
  #since: number;
  #left: number;
  #spent = 0;

  constructor(monotonic: MonotonicClock = () => performance.now(), rows = sliceRows, ms = sliceMs) {
    this.#monotonic = monotonic;
    this.#rows = rows;
    this.#ms = ms;
    this.#since = monotonic();
    this.#left = rows;
  }

  /** Rows taken so far. */
  get spent(): number {
    return this.#spent;
  }

  /** Whether another row may be taken. */
  get isOpen(): boolean {
    if (this.#spent === 0) return true;
    return this.#left > 0 && this.#monotonic() - this.#since < this.#ms;
  }

  /** Takes one row, or says that this slice is over. */
  take(): boolean {
    if (!this.isOpen) return false;
    this.#left -= 1;
    this.#spent += 1;
    return true;
  }

  /** Rows worth reading ahead, at least one. */
  get left(): number {
    return Math.max(1, this.#left);
  }

  /** As many rows and as much time again, in the same transaction. */
  renew(): void {
    this.#since = this.#monotonic();
    this.#left = this.#rows;
  }
}

/** Who is named in the audit for what the store does by itself. */
export type Caretaker = 'retention' | 'sweep' | 'scrub' | 'configuration' | 'maintenance';

/** An audit entry of this slice, in the transaction of what it tells. */
export function auditSlice(
  moment: SliceMoment,
  entry: Pick<AuditFacts, 'action' | 'details'> & {
    readonly actor: string | null;
    readonly vm?: string;
    readonly operationId?: string;
    readonly sessionId?: string | null;
    readonly fileId?: string | null;
  },
): void {
  const facts = { operationId: null, sessionId: null, fileId: null, vm: null, ...entry };
  insertAuditEntry(moment.db, facts, moment.nowMs, moment.commitSequence);
}
