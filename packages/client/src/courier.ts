// Carries operations for one client: checks and numbers them when they are called, waits for their receipts
// until the caller's deadline, and holds everything that has to be closed.

import { randomUUID } from 'node:crypto';
import { type AppliedReceipt, type OperationName, type RedisKeys, redisKeys } from '@filefleet/protocol';
import type { Redis } from 'ioredis';
import type { OnBackpressure } from './backpressure.ts';
import { type Clock, patiently, soon, within } from './clock.ts';
import { Dispatcher } from './dispatcher.ts';
import { Endings } from './endings.ts';
import type { Entry } from './entry.ts';
import type { ClientError } from './errors.ts';
import {
  applied,
  closedError,
  endingOf,
  inUse,
  notContent,
  notYetDurable,
  slowSource,
  unavailable,
} from './failures.ts';
import { foreignReceipt } from './foreign-receipt.ts';
import type { Gate } from './gate.ts';
import { Jobs } from './jobs.ts';
import { Lane } from './lane.ts';
import { Lanes } from './lanes.ts';
import { RedisLink } from './redis-link.ts';
import { ReplyStream } from './reply-stream.ts';
import { checkRequest, type RequestOptions } from './requests.ts';
import { type Source, sourceOf } from './source.ts';
import { knownSize } from './spool/content.ts';
import type { SpoolSlot } from './spool/slot.ts';
import type { Spool } from './spool/spool.ts';
import { type ContentRequest, Staging } from './staging.ts';

/** Closing waits this long for Redis, in milliseconds; then the connections are cut. */
const farewellMs = 1_000;

export interface CourierOptions {
  readonly redis: string;
  readonly vm: string;
  readonly shard: number;
  readonly actor: string | undefined;
  readonly deadlineMs: number;
  readonly connectTimeoutMs: number;
  readonly clock: Clock;
  readonly onBackpressure?: OnBackpressure | undefined;
  /** Files that are open for reading at once. */
  readonly openFiles: Gate;
  /** Where every operation is kept first. It is closed with the courier. */
  readonly spool?: Spool | undefined;
  /** What the operations of a session have to wait for, if anything. */
  readonly clearOf?: (sessionId: string) => Promise<void> | undefined;
}

export class Courier {
  readonly #options: CourierOptions;
  readonly #keys: RedisKeys;
  readonly #link: RedisLink;
  readonly #reader: RedisLink;
  readonly #jobs: Jobs;
  readonly #replies: ReplyStream;
  readonly #dispatcher: Dispatcher;
  readonly #lanes: Lanes<Entry>;
  readonly #endings = new Endings();
  readonly #staging: Staging;
  /** Aborted when the client is closed. */
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  /**
   * Connects first, unless there is a spool: then operations are accepted before Redis is there.
   * @throws ClientError REDIS_UNAVAILABLE when Redis does not answer in time; nothing is left open then.
   */
  static async open(options: CourierOptions): Promise<Courier> {
    const { redis: url, clock, connectTimeoutMs, spool } = options;
    const link = new RedisLink({ url, clock, purpose: 'commands' });
    const reader = new RedisLink({ url, clock, purpose: 'blocking' });
    try {
      if (!spool) await Promise.all([link.connect(connectTimeoutMs), reader.connect(connectTimeoutMs)]);
      const courier = new Courier(options, link, reader);
      // The first attempt may fail; the links go on trying, and the dispatcher hears when they succeed.
      if (spool) for (const { redis } of [link, reader]) redis.connect().catch(() => {});
      await courier.#replies.open();
      return courier;
    } catch (error) {
      link.close();
      reader.close();
      throw error;
    }
  }

  private constructor(options: CourierOptions, link: RedisLink, reader: RedisLink) {
    const { vm, shard, clock, spool } = options;
    const producer = spool?.producer ?? randomUUID();
    this.#lanes = new Lanes(undefined, spool?.firstSequence);
    this.#options = options;
    this.#link = link;
    this.#keys = redisKeys(shard);
    this.#reader = reader;
    this.#jobs = new Jobs(link, shard);
    this.#staging = new Staging({ ...options, link, keys: this.#keys });
    this.#replies = new ReplyStream({
      key: this.#keys.receipts(vm, producer),
      commands: link,
      reader,
      clock,
      onAnswer: (answer) => this.#dispatcher.answer(answer),
    });
    this.#dispatcher = new Dispatcher({
      vm,
      producer,
      link,
      jobs: this.#jobs,
      staging: this.#staging,
      clock,
      onEnd: (entry, ending) => {
        this.#endings.remember(entry.facts.operationId, ending);
        if (entry.facts.slot) spool?.end(entry.facts.slot, ending);
      },
      onSilence: () => void this.#replies.ensure(),
    });
    for (const slot of spool?.leftovers ?? []) this.#resume(slot, spool as Spool);
  }

  /**
   * Checks an operation and numbers it, synchronously: the order of calls is the order of numbers.
   * @throws ClientError INVALID, CLIENT_CLOSED
   */
  submit(
    name: OperationName,
    fields: Readonly<Record<string, unknown>>,
    options: RequestOptions,
    content?: ContentRequest,
  ): Entry {
    this.assertOpen();
    const { vm, actor, clock } = this.#options;
    const checked = checkRequest(name, fields, { vm, actor, nowMs: clock.nowMs(), options });
    const { operationId } = checked;
    if (this.#dispatcher.find(operationId)) throw inUse(operationId);
    const source = content && this.#sourceOf(content.content);
    const { spool, clearOf } = this.#options;
    const slot = spool?.accept({ name, ...checked }, content && knownSize(content.content, source));
    const { sessionId } = fields;
    const ordered = typeof sessionId === 'string';
    const entry = this.#dispatcher.submit({
      name,
      ...checked,
      lane: ordered ? this.#lanes.of(sessionId) : new Lane<Entry>(),
      ordered,
      stage:
        source &&
        this.#staging.stageOf(operationId, slot && spool ? spool.sourceOf(slot) : source, {
          onProgress: content?.onProgress,
          mayBeKnown: slot !== undefined || content?.mayBeKnown === true,
        }),
      ...(slot && {
        slot,
        before: () => Promise.all([slot.kept, ordered ? clearOf?.(sessionId) : undefined]),
      }),
    });
    if (slot) spool?.keep(slot, ordered ? entry.sequence : 0, source, entry.signal);
    return entry;
  }

  /**
   * Waits for the receipt of an operation that `submit` numbered.
   * @throws ClientError REFUSED, NOT_YET_DURABLE, REDIS_UNAVAILABLE, SOURCE_FAILED, GIVEN_UP, CLIENT_CLOSED
   */
  async receiptOf(entry: Entry, deadlineMs = this.#options.deadlineMs): Promise<AppliedReceipt> {
    return applied(await within(this.#options.clock, deadlineMs, entry.settled, () => this.#late(entry)));
  }

  /**
   * Waits until the spool has an operation; without one, until Redis has its job.
   * @throws as `receiptOf` does, except REFUSED.
   */
  async acceptanceOf(entry: Entry, deadlineMs = this.#options.deadlineMs): Promise<'spool' | 'redis'> {
    const { slot } = entry.facts;
    await within(this.#options.clock, deadlineMs, slot?.kept ?? entry.accepted, () => this.#late(entry));
    return slot ? 'spool' : 'redis';
  }

  /** The receipt of any operation id. @throws as `receiptOf` does, and UNKNOWN_OPERATION. */
  async receipt(operationId: string, deadlineMs = this.#options.deadlineMs): Promise<AppliedReceipt> {
    this.assertOpen();
    const ending = this.#endings.of(operationId);
    if (ending !== undefined) return endingOf(ending);
    const entry = this.#dispatcher.find(operationId);
    if (entry !== undefined) {
      return applied(
        await within(this.#options.clock, deadlineMs, entry.settled, () =>
          notYetDurable(operationId, entry.isSpooled),
        ),
      );
    }
    const late = () =>
      this.#link.isReady ? notYetDurable(operationId, false) : unavailable(this.#link.lastError, operationId);
    const { vm, clock } = this.#options;
    return await patiently(clock, deadlineMs, this.#closing.signal, late, (signal) =>
      foreignReceipt({ link: this.#link, jobs: this.#jobs, vm, clock }, operationId, signal),
    );
  }

  get spool(): Spool | undefined {
    return this.#options.spool;
  }

  /** The operation under way with this id. */
  find(operationId: string): Entry | undefined {
    return this.#dispatcher.find(operationId);
  }

  /** Resolves when what is under way now has ended, one way or another. */
  async whenIdle(): Promise<void> {
    await this.#dispatcher.whenIdle();
  }

  assertOpen(): void {
    if (this.#closed !== undefined) throw closedError();
  }

  /** Reads something from Redis. @throws ClientError REDIS_UNAVAILABLE, CLIENT_CLOSED */
  async read<T>(command: (redis: Redis, keys: RedisKeys) => Promise<T>): Promise<T> {
    const { clock, deadlineMs } = this.#options;
    const late = () => unavailable(this.#link.lastError);
    return await patiently(clock, deadlineMs, this.#closing.signal, late, (signal) =>
      this.#link.persist(signal, (redis) => command(redis, this.#keys)),
    );
  }

  /**
   * Rejects what is not settled and cuts the connections, within `farewellMs` also when Redis hangs.
   * @param deadlineMs how long to wait before that for what is under way.
   */
  close(deadlineMs: number): Promise<void> {
    this.#closed ??= this.#close(deadlineMs);
    return this.#closed;
  }

  async #close(deadlineMs: number): Promise<void> {
    const { clock } = this.#options;
    if (deadlineMs > 0) await soon(clock, deadlineMs, this.#dispatcher.whenIdle());
    this.#closing.abort(closedError());
    this.#dispatcher.close((entry) => closedError(entry.facts.operationId, entry.isSpooled));
    this.#staging.close();
    const farewell = Promise.allSettled([this.#replies.close(), this.#jobs.close()]);
    await soon(clock, farewellMs, farewell);
    this.#reader.close();
    this.#link.close();
    await this.#options.spool?.close();
  }

  /** An operation that a former process accepted goes on where it was: same producer, same number. */
  #resume(slot: SpoolSlot, spool: Spool): void {
    const { operationId } = slot.facts;
    const { record, sessionId } = slot;
    if (record === undefined) return;
    const lane = sessionId === undefined ? new Lane<Entry>() : this.#lanes.of(sessionId);
    this.#dispatcher.submit({
      ...slot.facts,
      slot,
      lane,
      ordered: sessionId !== undefined,
      sequence: Math.max(record.sequence, 1),
      stage: record.content && this.#staging.stageOf(operationId, spool.sourceOf(slot), { mayBeKnown: true }),
    });
    lane.skipTo(spool.firstSequence);
  }

  #sourceOf(content: unknown): Source {
    const source = sourceOf(content, this.#options.openFiles);
    if (source === undefined) throw notContent(content);
    return source;
  }

  /** At the deadline: what nobody has is given up; what Redis or the spool has, or may have, is tracked on. */
  #late(entry: Entry): ClientError {
    const { operationId, slot } = entry.facts;
    if (entry.handed || (slot && slot.state !== 'open')) return notYetDurable(operationId, entry.isSpooled);
    const isReading = slot !== undefined || (this.#link.isReady && this.#staging.waitsForSource(entry));
    const error =
      this.#staging.failureOf(entry) ??
      (isReading ? slowSource(operationId) : unavailable(this.#link.lastError, operationId));
    this.#dispatcher.giveUp(entry, error);
    return error;
  }
}
