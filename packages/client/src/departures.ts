// Sends what is ready. All of one turn of the event loop leaves together: content of one chunk first, then the jobs, on one
// connection that keeps their order. So a small file is one journey, and many of them share it.

import { makeJobId } from '@filefleet/protocol';
import type { Entry } from './entry.ts';
import { type Jobs, type NewJob, wasRefused } from './jobs.ts';
import type { Sendable } from './lane.ts';
import { payloadOf } from './preparation.ts';
import type { Staging } from './staging.ts';
import type { Parcel } from './staging-calls.ts';
import { turnOf } from './turns.ts';

/** Operations that leave in one pipeline: a process that dies while it writes leaves content without jobs of no more than these. */
const perPipeline = 128;

export interface DeparturesOptions {
  readonly vm: string;
  readonly producer: string;
  readonly jobs: Jobs;
  readonly staging: Staging;
  /** Redis has its job, and all that it needs. */
  readonly onArrived: (entry: Entry) => void;
  /** Redis has no job of it. @param wasRefused it said so; else it never got that far, for want of room. */
  readonly onTurnedBack: (entry: Entry, wasRefused: boolean) => void;
  /** Nobody knows whether Redis has its job. */
  readonly onLost: (entry: Entry) => void;
}

interface Departure {
  readonly entry: Entry;
  readonly repeat: number;
  readonly wasHanded: boolean;
  readonly job: NewJob;
  readonly parcel: Parcel | undefined;
}

export class Departures {
  readonly #options: DeparturesOptions;
  #waiting: Departure[] = [];

  constructor(options: DeparturesOptions) {
    this.#options = options;
  }

  /** Sends it before this turn of the event loop is over. */
  add({ item: entry, previous }: Sendable<Entry>): void {
    const { vm, producer } = this.#options;
    const { operationId, name } = entry.facts;
    const { handed: wasHanded } = entry;
    const repeat = ++entry.repeat;
    entry.handed = true;
    const jobId = makeJobId(vm, operationId, repeat);
    const job = { name, payload: payloadOf(entry, producer, previous), jobId };
    const parcel = entry.facts.stage?.takeParcel();
    if (this.#waiting.push({ entry, repeat, wasHanded, job, parcel }) === 1)
      setImmediate(() => this.#leave());
  }

  #leave(): void {
    const all = this.#waiting;
    this.#waiting = [];
    for (let at = 0; at < all.length; at += perPipeline) void this.#travel(all.slice(at, at + perPipeline));
  }

  async #travel(some: readonly Departure[]): Promise<void> {
    const { jobs, staging } = this.#options;
    const parcels = some.flatMap(({ parcel }) => parcel ?? []);
    const put = staging.putWhole(parcels).catch(() => []);
    const added = jobs.add(some.map(({ job }) => job));
    const sealed = staging.sealWhole(parcels).catch(() => []); // it is written in the next turn: behind the jobs
    const [areThere, failures] = await Promise.all([put, added]);
    const lost = new Set(parcels.filter((_, i) => !areThere[i]));
    for (const [i, departure] of some.entries())
      if (departure.parcel && lost.has(departure.parcel)) this.#isIncomplete(departure, failures[i]);
    const areSealed = await sealed;
    const ends = new Map(parcels.map((parcel, i) => [parcel, areSealed[i]]));
    for (const [i, departure] of some.entries()) {
      const { entry, parcel } = departure;
      if (parcel && lost.has(parcel)) continue;
      if (parcel) entry.facts.stage?.arrived(parcel, true, ends.get(parcel));
      this.#tell(departure, failures[i]);
    }
  }

  #isIncomplete(departure: Departure, failure: unknown): void {
    const { entry, parcel } = departure;
    if (parcel) entry.facts.stage?.arrived(parcel, false, undefined);
    standInLine(entry);
    if (wasRefused(failure)) this.#tell(departure, failure);
    else void this.#takeBack(departure);
  }

  #tell({ entry, repeat, wasHanded }: Departure, failure: unknown): void {
    const { onArrived, onTurnedBack, onLost } = this.#options;
    if (failure === undefined) onArrived(entry);
    else if (entry.repeat !== repeat) return;
    else if (!wasRefused(failure)) onLost(entry);
    else {
      entry.handed = wasHanded;
      onTurnedBack(entry, true);
    }
  }

  /**
   * Its content found no room, or was lost. Its job is of no use without it: it goes, unless the writer has begun with it, who
   * then says that the content is missing.
   */
  async #takeBack(departure: Departure): Promise<void> {
    const { entry, repeat, wasHanded, job } = departure;
    const isGone = await this.#options.jobs.takeBack(job.jobId).catch(() => false);
    if (!isGone || entry.repeat !== repeat) return;
    entry.handed = wasHanded;
    this.#options.onTurnedBack(entry, false);
  }
}

/** It will ask for room, sooner or later: until then no later one of its session may take what it needs. */
function standInLine(entry: Entry): void {
  const phase = entry.facts.lane.phase(entry.sequence);
  if (phase !== undefined && phase !== 'open') void turnOf(entry);
}
