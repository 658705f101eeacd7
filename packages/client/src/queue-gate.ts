// How many operations a VM may have queued. The queue itself is looked at, so that nothing can be counted wrong: jobs of other
// clients of this VM are in it, and those of processes that are gone. Only looked at now and then: a lonely operation
// never waits for a look.

import { limits, queueName, type RedisKeys, writerStateField, writerStateSchema } from '@filefleet/protocol';
import type { Redis } from 'ioredis';
import { type Backpressure, type OnBackpressure, quota, tellSafely } from './backpressure.ts';
import { type Clock, pause } from './clock.ts';
import type { RedisLink } from './redis-link.ts';

/** Operations that may pass between two looks. */
const passesPerLook = 256;
/** How often the queue is looked at while it is full, in milliseconds. */
const lookEveryMs = 200;
/** Job ids that are counted at most, as a multiple of the limit; a queue that long holds everybody up anyway. */
const idsCounted = 4;

const stateLimits = writerStateSchema.pick({ limits: true });

export interface QueueGateOptions {
  readonly link: RedisLink;
  readonly keys: RedisKeys;
  readonly vm: string;
  readonly clock: Clock;
  readonly onBackpressure?: OnBackpressure | undefined;
}

/** Where an operation stands on its way into the queue. */
export interface QueuePlace {
  readonly operationId: string;
  /** Never refused: what lies in a spool need not be given back to its caller. */
  readonly isPatient: boolean;
  state: 'expected' | 'waiting' | 'admitted' | 'left';
}

interface Waiter {
  readonly place: QueuePlace;
  readonly passed: PromiseWithResolvers<void>;
}

export class QueueGate {
  readonly #options: QueueGateOptions;
  /** Operations of this VM that may be queued; at twice as many nobody waits any more. As the writer published it last. */
  #limit: number = limits.queuedOperationsPerVm;
  /** Who has to wait, in the order in which they came; looked after by one for all. */
  #line: Waiter[] = [];
  #isServing = false;
  readonly #closing = new AbortController();
  /** Announced, and not yet passed. */
  #expected = 0;
  /** Passed, and not yet in the queue. */
  #admitted = 0;
  #passes = passesPerLook;
  #queued = 0;
  /** As the last look said. */
  #isFull = false;
  #looking: Promise<void> | undefined;

  constructor(options: QueueGateOptions) {
    this.#options = options;
  }

  /** Why an operation waits at this moment, if it does, and not for Redis to be looked at. */
  waitOf(place: QueuePlace): Backpressure | undefined {
    return place.state === 'waiting' && this.#isFull ? this.#factsOf(place) : undefined;
  }

  /**
   * Counts an operation that will pass or end, at once when it is called for: whoever calls without ever waiting must not fill the
   * memory.
   * @throws ClientError QUOTA when there are twice as many as may be queued.
   */
  announce(operationId: string, isPatient: boolean): QueuePlace {
    if (!isPatient && this.#expected + this.#admitted + this.#queued >= 2 * this.#limit)
      throw this.#quota(operationId);
    this.#expected++;
    return { operationId, isPatient, state: 'expected' };
  }

  /** Passes if that takes no waiting. @returns whether it did. */
  tryEnter(place: QueuePlace): boolean {
    if (this.#line.length > 0 || this.#passes === 0) return false;
    if (this.#passes <= passesPerLook / 2) void this.#look().catch(() => {}); // who has to wait looks again
    this.#pass(place);
    return true;
  }

  /**
   * Waits until this VM may queue one more, or the operation has left.
   * @throws ClientError QUOTA when twice as many as may be queued are.
   */
  async enter(place: QueuePlace): Promise<void> {
    if (place.state !== 'expected' || this.tryEnter(place)) return;
    const passed = Promise.withResolvers<void>();
    place.state = 'waiting';
    this.#line.push({ place, passed });
    void this.#serve();
    await passed.promise;
  }

  /** It is in the queue, or has ended. May be told twice. */
  leave(place: QueuePlace): void {
    if (place.state === 'admitted') this.#admitted--;
    else if (place.state !== 'left') this.#expected--;
    place.state = 'left';
  }

  /** Nobody passes any more. */
  close(): void {
    this.#closing.abort(new Error('closed'));
  }

  /** Lets those who wait pass as the queue allows, until nobody is left. */
  async #serve(): Promise<void> {
    if (this.#isServing) return;
    this.#isServing = true;
    try {
      for (let head = this.#head(); head !== undefined; head = this.#head()) {
        if (this.#passes === 0) await this.#lookUntilSeen();
        if (this.#passes === 0) await this.#waitForPass(head);
        for (const { place, passed } of this.#line.splice(0, this.#passes)) {
          if (place.state === 'waiting') this.#pass(place); // some have ended during the look
          passed.resolve();
        }
      }
    } catch {
      // closed: all of them have ended
    } finally {
      this.#isServing = false;
    }
  }

  /** The first who still waits. Those who have ended meanwhile go on and find out. */
  #head(): Waiter | undefined {
    const gone = this.#line.filter(({ place }) => place.state !== 'waiting');
    if (gone.length > 0) this.#line = this.#line.filter(({ place }) => place.state === 'waiting');
    for (const { passed } of gone) passed.resolve();
    return this.#line[0];
  }

  /** Until there is a pass, or the first of the line has ended or was refused. */
  async #waitForPass(first: Waiter): Promise<void> {
    const { place, passed } = first;
    let isTold = false;
    while (this.#passes === 0 && this.#head() === first) {
      if (!place.isPatient && this.#queued >= 2 * this.#limit) {
        this.#line.shift();
        passed.reject(this.#quota(place.operationId));
        break;
      }
      if (!isTold) this.#tell(this.#factsOf(place));
      isTold = true;
      await pause(this.#options.clock, lookEveryMs, this.#closing.signal);
      await this.#lookUntilSeen();
    }
    if (isTold) this.#tell({ ...this.#factsOf(place), isWaiting: false });
  }

  #pass(place: QueuePlace): void {
    this.#expected--;
    this.#passes--;
    this.#admitted++;
    place.state = 'admitted';
  }

  async #lookUntilSeen(): Promise<void> {
    await this.#options.link.persist(this.#closing.signal, () => this.#look());
  }

  #look(): Promise<void> {
    const { redis } = this.#options.link;
    this.#looking ??= Promise.all([this.#count(redis), this.#readLimit(redis)])
      .then(([queued, limit]) => {
        this.#queued = queued;
        this.#limit = limit;
        this.#passes = Math.max(0, Math.min(passesPerLook, this.#limit - queued - this.#admitted));
        this.#isFull = this.#passes === 0;
      })
      .finally(() => {
        this.#looking = undefined;
      });
    return this.#looking;
  }

  /** Operations of this VM that wait in the queue; while it is short, those of all. */
  async #count(redis: Redis): Promise<number> {
    const { keys, vm } = this.#options;
    const key = `${keys.prefix}:${queueName}:wait`;
    const all = await redis.llen(key);
    if (all < this.#limit / 2) return all;
    const ids = await redis.lrange(key, 0, idsCounted * this.#limit - 1);
    return ids.filter((id) => id.startsWith(`${vm}-`)).length;
  }

  /** The one in force: a Redis that has just been emptied says nothing, and a writer's words can be too new for us. */
  async #readLimit(redis: Redis): Promise<number> {
    const json = await redis.hget(this.#options.keys.writer, writerStateField);
    if (json === null) return this.#limit;
    try {
      return stateLimits.parse(JSON.parse(json)).limits.queuedOperationsPerVm ?? this.#limit;
    } catch {
      return this.#limit;
    }
  }

  #factsOf({ operationId }: QueuePlace): Backpressure {
    const [used, limit] = [this.#queued + this.#admitted, this.#limit];
    return { isWaiting: true, reason: 'queue', operationId, needed: 1, used, limit };
  }

  #quota(operationId: string): Error {
    return quota(operationId, this.#queued + this.#admitted + this.#expected, 2 * this.#limit);
  }

  #tell(facts: Backpressure): void {
    tellSafely(this.#options.onBackpressure, facts);
  }
}
