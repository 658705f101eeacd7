// How many operations a VM may have queued. The queue itself is looked at, so that nothing can be counted wrong: jobs of other
// clients of this VM are in it, and those of processes that are gone. Only looked at now and then: a lonely operation
// never waits for a look.

import { limits, queueName, type RedisKeys, writerStateField, writerStateSchema } from '@filefleet/protocol';
import type { Redis } from 'ioredis';
import { type Backpressure, type OnBackpressure, quota, tellSafely } from './backpressure.ts';
import { type Clock, pause } from './clock.ts';
import { Gate } from './gate.ts';
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

export class QueueGate {
  readonly #options: QueueGateOptions;
  /** Operations of this VM that may be queued; at twice as many nobody waits any more. As the writer published it last. */
  #limit: number = limits.queuedOperationsPerVm;
  readonly #line = new Gate(1);
  readonly #waiting = new Map<string, Backpressure>();
  readonly #announced = new Map<string, () => void>();
  /** Announced, and not yet passed. */
  #expected = 0;
  /** Passed, and not yet in the queue. */
  #admitted = 0;
  #passes = passesPerLook;
  #queued = 0;
  #looking: Promise<void> | undefined;

  constructor(options: QueueGateOptions) {
    this.#options = options;
  }

  /** Why an operation waits at this moment, if it does. */
  waitOf(operationId: string): Backpressure | undefined {
    return this.#waiting.get(operationId);
  }

  /**
   * Counts an operation that will pass or end, at once when it is called for: whoever calls without ever waiting must not fill the
   * memory.
   * @param isPatient never refused: what lies in a spool need not be given back to its caller.
   * @returns what to call when it ends, passed or not.
   * @throws ClientError QUOTA when there are twice as many as may be queued.
   */
  announce(operationId: string, isPatient: boolean): () => void {
    if (!isPatient && this.#expected + this.#admitted + this.#queued >= 2 * this.#limit)
      throw this.#quota(operationId);
    this.#expected++;
    const arrive = () => {
      this.#announced.delete(operationId);
      this.#expected--;
    };
    this.#announced.set(operationId, arrive);
    return () => this.#announced.get(operationId)?.();
  }

  /**
   * Waits until this VM may queue one more. Call `leave` as soon as it is in the queue or given up.
   * @throws ClientError QUOTA when twice as many as may be queued are; the signal's reason.
   */
  async enter(operationId: string, signal: AbortSignal, isPatient = false): Promise<void> {
    signal.throwIfAborted();
    if (this.#waiting.size === 0 && this.#passes > 0) {
      if (this.#passes <= passesPerLook / 2) void this.#look().catch(() => {}); // who has to wait looks again
      this.#pass(operationId);
      return;
    }
    this.#waiting.set(operationId, this.#factsOf(operationId));
    let hasWaited = false;
    try {
      await this.#line.enter(1, signal);
      try {
        hasWaited = await this.#waitForPass(operationId, signal, isPatient);
      } finally {
        this.#line.leave(1);
      }
    } finally {
      this.#waiting.delete(operationId);
      if (hasWaited) this.#tell({ ...this.#factsOf(operationId), isWaiting: false });
    }
  }

  leave(): void {
    this.#admitted--;
  }

  /** @returns whether it had to wait for the queue, and not only for a look. */
  async #waitForPass(operationId: string, signal: AbortSignal, isPatient: boolean): Promise<boolean> {
    for (let tries = 0; ; tries++) {
      if (this.#passes === 0) await this.#options.link.persist(signal, () => this.#look());
      if (this.#passes > 0) {
        this.#pass(operationId);
        return tries > 0;
      }
      if (!isPatient && this.#queued >= 2 * this.#limit) throw this.#quota(operationId);
      const facts = this.#factsOf(operationId);
      this.#waiting.set(operationId, facts);
      if (tries === 0) this.#tell(facts);
      await pause(this.#options.clock, lookEveryMs, signal);
    }
  }

  #pass(operationId: string): void {
    this.#announced.get(operationId)?.();
    this.#passes--;
    this.#admitted++;
  }

  #look(): Promise<void> {
    const { redis } = this.#options.link;
    this.#looking ??= Promise.all([this.#count(redis), this.#readLimit(redis)])
      .then(([queued, limit]) => {
        this.#queued = queued;
        this.#limit = limit;
        this.#passes = Math.max(0, Math.min(passesPerLook, this.#limit - queued - this.#admitted));
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

  #factsOf(operationId: string): Backpressure {
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
