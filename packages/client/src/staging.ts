// What the bytes and operations of one client share on their way into Redis: room that is reserved there, places in the queue,
// and a bound on what is under way at this moment.

import type { RedisKeys } from '@filefleet/protocol';
import { type Backpressure, type OnBackpressure, waitedTooLong } from './backpressure.ts';
import type { Clock } from './clock.ts';
import type { Entry } from './entry.ts';
import type { ClientError } from './errors.ts';
import { Gate } from './gate.ts';
import type { Lane } from './lane.ts';
import { QueueGate } from './queue-gate.ts';
import type { RedisLink } from './redis-link.ts';
import { Reservations } from './reservations.ts';
import type { Content, Source } from './source.ts';
import { Stage } from './stage.ts';
import type { Progress, StageOptions, StagingPlace } from './staged.ts';
import type { Parcel } from './staging-calls.ts';
import { whoseTurn } from './turns.ts';

/** Bytes under way to Redis at once, of all operations together. */
const bytesUnderWay = 8 * 1024 * 1024;

/** Who comes to his turn this shortly before his deadline, in milliseconds, waited for what the one before him waited for. */
const momentMs = 100;

/** Content as a caller gives it. */
export interface ContentRequest {
  readonly content: Content;
  readonly onProgress?: (progress: Progress) => void;
  /** Whether it may stay at home when the writer seems to hold it. */
  readonly mayBeKnown?: boolean;
}

export interface StagingOptions {
  readonly link: RedisLink;
  readonly keys: RedisKeys;
  readonly vm: string;
  readonly clock: Clock;
  readonly onBackpressure?: OnBackpressure | undefined;
}

export class Staging {
  /** Every operation passes it before anything of it goes to Redis. */
  readonly queueGate: QueueGate;
  readonly #reservations: Reservations;
  readonly #place: StagingPlace;
  /** For what the last of a session waited that was given up. */
  readonly #lastWaits = new WeakMap<Lane<Entry>, { readonly wait: Backpressure; readonly atMs: number }>();

  constructor(options: StagingOptions) {
    const { link, keys, clock } = options;
    this.queueGate = new QueueGate(options);
    this.#reservations = new Reservations(options);
    this.#place = {
      link,
      keys,
      clock,
      reservations: this.#reservations,
      bytesUnderWay: new Gate(bytesUnderWay),
    };
  }

  stageOf(operationId: string, source: Source, options: StageOptions): Stage {
    return new Stage(this.#place, operationId, source, options);
  }

  /** Puts parcels, once. @returns for each whether it is there for certain. */
  putWhole(parcels: readonly Parcel[]): Promise<boolean[]> {
    return this.#reservations.putWhole(parcels);
  }

  /** Gives parcels the time that a queued job may take, once. @returns for each when it expires then; undefined: not known. */
  sealWhole(parcels: readonly Parcel[]): Promise<(number | undefined)[]> {
    return this.#reservations.sealWhole(parcels);
  }

  /** Why an operation is given up at its deadline, if it is others that it waited for: itself, or behind one of its session. */
  failureOf(entry: Entry): ClientError | undefined {
    const { operationId, lane } = entry.facts;
    const nowMs = this.#place.clock.nowMs();
    const wait = this.#waitOf(entry) ?? this.#waitOf(whoseTurn(entry));
    if (wait) this.#lastWaits.set(lane, { wait, atMs: nowMs });
    const last = this.#lastWaits.get(lane);
    const reason = wait ?? (last && nowMs - last.atMs < momentMs ? last.wait : undefined);
    return reason && waitedTooLong({ ...reason, operationId });
  }

  /** Whether it is a source that is waited for: its own, or that of an earlier one of its session. */
  waitsForSource(entry: Entry): boolean {
    return [entry, whoseTurn(entry)].some(({ facts }) => facts.stage?.waitsForSource);
  }

  #waitOf({ place, facts }: Entry): Backpressure | undefined {
    return (place && this.queueGate.waitOf(place)) ?? this.#reservations.waitOf(facts.operationId);
  }

  /** Stops renewing: what is not sent expires. */
  close(): void {
    this.queueGate.close();
    this.#reservations.close();
  }
}
