// The room in Redis that this client's bytes take: asked for before the first chunk, renewed while they wait, raised to a day
// once their job was added. Whoever has to wait stands in one line per client, and the first of it in the line in Redis.

import { type RedisKeys, stagedTtlMs } from '@filefleet/protocol';
import { type Backpressure, neverFits, type OnBackpressure, tellSafely } from './backpressure.ts';
import { type Clock, pause } from './clock.ts';
import { Gate } from './gate.ts';
import type { RedisLink } from './redis-link.ts';
import {
  type Admission,
  chunksPerRenewal,
  type Parcel,
  type PutReply,
  type Renewal,
  StagingCalls,
} from './staging-calls.ts';

/** How often the first of the line asks again, in milliseconds; the line in Redis forgets who is silent for 5 s. */
const askEveryMs = 100;
/** Leases are renewed this often, in milliseconds: two tries may fail before one expires. */
const renewEveryMs = stagedTtlMs.uploading / 3;

/** Something staged whose lease has to be renewed. */
export interface Leased {
  readonly operationId: string;
  readonly chunks: number;
  /** Called with when the lease ends now, in milliseconds since 1970; undefined: it is gone, or chunks are. */
  renewed(expiresAtMs: number | undefined): void;
}

export interface ReservationsOptions {
  readonly link: RedisLink;
  readonly keys: RedisKeys;
  readonly vm: string;
  readonly clock: Clock;
  readonly onBackpressure?: OnBackpressure | undefined;
}

interface Keeping {
  readonly renewal: Renewal;
  readonly ttlMs: number;
  readonly kept: PromiseWithResolvers<number | undefined>;
}

export class Reservations {
  readonly #options: ReservationsOptions;
  readonly #calls: StagingCalls;
  /** One asks at a time, in the order of calls. */
  readonly #line = new Gate(1);
  readonly #leased = new Set<Leased>();
  readonly #waiting = new Map<string, Backpressure>();
  readonly #closing = new AbortController();
  #keepings: Keeping[] = [];
  #hasRoom = false;
  #cancelRenewal: (() => void) | undefined;

  constructor(options: ReservationsOptions) {
    this.#options = options;
    this.#calls = new StagingCalls(options.keys, options.vm);
    options.link.redis.on('ready', () => {
      this.#hasRoom = false; // perhaps another Redis, or one that was emptied
    });
  }

  /** Whether there was room when it was asked for last. Nobody can know whether there still is. */
  get hasRoom(): boolean {
    return this.#hasRoom;
  }

  /** Why an operation waits at this moment, if it does. */
  waitOf(operationId: string): Backpressure | undefined {
    return this.#waiting.get(operationId);
  }

  /**
   * Waits until `bytes` are reserved for the operation.
   * @throws ClientError OVER_BUDGET when they could never be; the signal's reason when it is aborted before.
   */
  async reserve(operationId: string, bytes: number, signal: AbortSignal): Promise<void> {
    await this.#reserve(operationId, { bytes, orShare: false }, signal);
  }

  /**
   * Waits until room for content of unknown length is reserved: for the longest, or for as much as a VM may ever have.
   * @returns how many bytes that is. @throws the signal's reason when it is aborted before.
   */
  async reserveLongest(operationId: string, bytes: number, signal: AbortSignal): Promise<number> {
    const wish = { bytes, orShare: true };
    await this.#reserve(operationId, wish, signal);
    return wish.bytes;
  }

  async #reserve(operationId: string, wish: Wish, signal: AbortSignal): Promise<void> {
    // Who waits already came first, and one place in the line in Redis is enough for all of us.
    const [head] = this.#waiting.values();
    const first = head === undefined ? await this.#ask(operationId, wish, signal) : undefined;
    if (first?.kind === 'granted') return;
    if (first) this.#note(operationId, wish.bytes, first);
    else if (head) this.#waiting.set(operationId, { ...head, operationId, needed: wish.bytes });
    try {
      await this.#line.enter(1, signal);
      try {
        await this.#standInLine(operationId, wish, signal);
      } finally {
        this.#line.leave(1);
      }
    } finally {
      const last = this.#waiting.get(operationId);
      this.#waiting.delete(operationId);
      if (last && this.#waiting.size === 0) this.#tell({ ...last, isWaiting: false });
    }
  }

  /** Puts a chunk; with `reserveBytes` asks for them in the same call, without standing in line. */
  async put(
    operationId: string,
    index: number,
    value: Buffer,
    signal: AbortSignal,
    reserveBytes?: number,
  ): Promise<PutReply> {
    const reply = await this.#options.link.persist(signal, (redis) =>
      this.#calls.put(redis, operationId, index, value, reserveBytes),
    );
    this.#hasRoom = reply.kind === 'granted';
    return reply;
  }

  /**
   * Asks for room for each parcel and puts it, once.
   * @returns for each whether it is there for certain.
   */
  async putWhole(parcels: readonly Parcel[]): Promise<boolean[]> {
    if (parcels.length === 0) return [];
    const replies = await this.#calls.putWhole(this.#options.link.redis, parcels);
    const areThere = replies.map((reply) => reply?.kind === 'granted');
    this.#hasRoom &&= areThere.every(Boolean);
    return areThere;
  }

  /**
   * Gives parcels the time that a queued job may take, in one call that is written in the next turn: behind their jobs. A process
   * that dies before leaves them their lease, and not what nobody will take for a day.
   * @returns for each when it expires then, in milliseconds since 1970; undefined when that is not known.
   */
  async sealWhole(parcels: readonly Parcel[]): Promise<(number | undefined)[]> {
    if (parcels.length === 0) return [];
    const { link, clock } = this.#options;
    const expiresAtMs = clock.nowMs() + stagedTtlMs.queued;
    const renewals = parcels.map(({ operationId }) => ({ operationId, chunks: 1 }));
    const missing = await this.#calls.renew(link.redis, stagedTtlMs.queued, renewals);
    return missing.map((chunks) => (chunks === 0 ? expiresAtMs : undefined));
  }

  /** Renews the lease of what is staged, again and again, until `letGo`. */
  hold(leased: Leased): void {
    this.#leased.add(leased);
    this.#startRenewing();
  }

  letGo(leased: Leased): void {
    this.#leased.delete(leased);
  }

  /**
   * Renews what is staged for at least `ttlMs`, and gives back what was reserved too much. All of one turn share a round trip.
   * @returns when it expires then, in milliseconds since 1970; undefined when a chunk or the reservation is gone.
   */
  keep(renewal: Renewal, ttlMs: number, signal: AbortSignal): Promise<number | undefined> {
    const kept = Promise.withResolvers<number | undefined>();
    if (this.#keepings.push({ renewal, ttlMs, kept }) === 1) setImmediate(() => this.#keepAll());
    // Not interrupted: whoever has ended meanwhile is told afterwards, and a listener for each would cost more than the renewal.
    return kept.promise.then((expiresAtMs) => {
      signal.throwIfAborted();
      return expiresAtMs;
    });
  }

  /** Removes chunks and reservation if Redis can be reached; else they expire. */
  async release(operationId: string, chunks: number): Promise<void> {
    await this.#options.link.attempt((redis) => this.#calls.release(redis, operationId, chunks));
  }

  /** Removes chunks that a shorter attempt did not overwrite. */
  async removeChunks(operationId: string, from: number, to: number): Promise<void> {
    const keys = this.#calls.chunkKeys(operationId, from, to);
    if (keys.length > 0) await this.#options.link.attempt((redis) => redis.unlink(keys));
  }

  /** Stops renewing. */
  close(): void {
    this.#closing.abort(new Error('closed'));
    this.#cancelRenewal?.();
    this.#leased.clear();
  }

  // -- waiting

  async #standInLine(operationId: string, wish: Wish, signal: AbortSignal): Promise<void> {
    for (;;) {
      const admission = await this.#ask(operationId, wish, signal);
      if (admission.kind === 'granted') return;
      this.#note(operationId, wish.bytes, admission);
      await pause(this.#options.clock, askEveryMs, signal);
    }
  }

  async #ask(operationId: string, wish: Wish, signal: AbortSignal): Promise<Admission> {
    const admission = await this.#options.link.persist(signal, (redis) =>
      this.#calls.reserve(redis, operationId, wish.bytes),
    );
    this.#hasRoom = admission.kind === 'granted';
    if (admission.kind !== 'never') return admission;
    if (!wish.orShare) throw neverFits(operationId, wish.bytes, admission.limitBytes);
    wish.bytes = admission.limitBytes;
    return await this.#ask(operationId, { ...wish, orShare: false }, signal);
  }

  #note(operationId: string, needed: number, { reason, usedBytes, limitBytes }: Refusal): void {
    const [head] = this.#waiting.values();
    const facts = { isWaiting: true, reason, operationId, needed, used: usedBytes, limit: limitBytes };
    this.#waiting.set(operationId, facts);
    const isHead = head === undefined || head.operationId === operationId;
    if (isHead && head?.reason !== reason) this.#tell(facts);
  }

  #tell(facts: Backpressure): void {
    tellSafely(this.#options.onBackpressure, facts);
  }

  // -- leases

  #startRenewing(): void {
    this.#cancelRenewal ??= this.#options.clock.schedule(renewEveryMs, () => {
      this.#cancelRenewal = undefined;
      if (this.#leased.size > 0) this.#startRenewing();
      void this.#renewAll();
    });
  }

  async #renewAll(): Promise<void> {
    const { link, clock } = this.#options;
    for (const some of inCalls([...this.#leased], ({ chunks }) => chunks)) {
      const expiresAtMs = clock.nowMs() + stagedTtlMs.uploading;
      await link.attempt(async (redis) => {
        const missing = await this.#calls.renew(redis, stagedTtlMs.uploading, some);
        some.forEach((leased, i) => {
          leased.renewed(missing[i] === 0 ? expiresAtMs : undefined);
        });
      });
    }
  }

  #keepAll(): void {
    const byTtl = Map.groupBy(this.#keepings, ({ ttlMs }) => ttlMs);
    this.#keepings = [];
    for (const [ttlMs, keepings] of byTtl) {
      for (const some of inCalls(keepings, ({ renewal }) => renewal.chunks)) void this.#keepSome(some, ttlMs);
    }
  }

  async #keepSome(some: readonly Keeping[], ttlMs: number): Promise<void> {
    const { link, clock } = this.#options;
    const renewals = some.map(({ renewal }) => renewal);
    try {
      const expiresAtMs = clock.nowMs() + ttlMs;
      const missing = await link.persist(this.#closing.signal, (redis) =>
        this.#calls.renew(redis, ttlMs, renewals),
      );
      for (const [i, { kept }] of some.entries()) kept.resolve(missing[i] === 0 ? expiresAtMs : undefined);
    } catch (error) {
      for (const { kept } of some) kept.reject(error);
    }
  }
}

/** Bytes that are wished for, and whether the share of the VM would do as well. */
interface Wish {
  bytes: number;
  readonly orShare: boolean;
}

type Refusal = Exclude<Admission, { kind: 'granted' }>;

/** Cuts a list so that no call names more than `chunksPerRenewal` chunks, unless one item alone does. */
function inCalls<T>(items: readonly T[], chunksOf: (item: T) => number): T[][] {
  const calls: T[][] = [];
  let room = 0;
  for (const item of items) {
    const needed = chunksOf(item) + 1; // an item without chunks costs something, too
    if (calls.length === 0 || room < needed) {
      calls.push([]);
      room = chunksPerRenewal;
    }
    calls.at(-1)?.push(item);
    room -= needed;
  }
  return calls;
}
