// Carries operations for one client: checks and numbers them when they are called, waits for their receipts
// until the caller's deadline, and holds everything that has to be closed.

import { randomUUID } from 'node:crypto';
import {
  type AppliedReceipt,
  type OperationName,
  type Receipt,
  type RedisKeys,
  redisKeys,
} from '@filefleet/protocol';
import type { Redis } from 'ioredis';
import type { OnBackpressure } from './backpressure.ts';
import type { Clock } from './clock.ts';
import { Dispatcher } from './dispatcher.ts';
import { type Ending, Endings } from './endings.ts';
import type { Entry } from './entry.ts';
import { ClientError } from './errors.ts';
import { foreignReceipt } from './foreign-receipt.ts';
import { Gate } from './gate.ts';
import { Jobs } from './jobs.ts';
import { Lane } from './lane.ts';
import { Lanes } from './lanes.ts';
import { RedisLink } from './redis-link.ts';
import { ReplyStream } from './reply-stream.ts';
import { checkRequest, type RequestOptions } from './requests.ts';
import { sourceOf } from './source.ts';
import type { Stage } from './stage.ts';
import { type ContentRequest, Staging } from './staging.ts';

/** Files that are open for reading at once. */
const openFiles = 8;
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
}

export class Courier {
  readonly #options: CourierOptions;
  readonly #keys: RedisKeys;
  readonly #link: RedisLink;
  readonly #reader: RedisLink;
  readonly #jobs: Jobs;
  readonly #replies: ReplyStream;
  readonly #dispatcher: Dispatcher;
  readonly #lanes = new Lanes<Entry>();
  readonly #endings = new Endings();
  readonly #staging: Staging;
  readonly #openFiles = new Gate(openFiles);
  /** Aborted when the client is closed. */
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  /** @throws ClientError REDIS_UNAVAILABLE when Redis does not answer in time; nothing is left open then. */
  static async open(options: CourierOptions): Promise<Courier> {
    const { redis: url, clock, connectTimeoutMs } = options;
    const link = new RedisLink({ url, clock, purpose: 'commands' });
    const reader = new RedisLink({ url, clock, purpose: 'blocking' });
    try {
      await Promise.all([link.connect(connectTimeoutMs), reader.connect(connectTimeoutMs)]);
      const courier = new Courier(options, link, reader);
      await courier.#replies.open();
      return courier;
    } catch (error) {
      link.close();
      reader.close();
      throw error;
    }
  }

  private constructor(options: CourierOptions, link: RedisLink, reader: RedisLink) {
    const { vm, shard, clock } = options;
    const producer = randomUUID();
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
      onEnd: (entry, ending) => this.#endings.remember(entry.facts.operationId, ending),
      onSilence: () => void this.#replies.ensure(),
    });
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
    const stage = content && this.#stage(operationId, content);
    const { sessionId } = fields;
    const ordered = typeof sessionId === 'string';
    const lane = ordered ? this.#lanes.of(sessionId) : new Lane<Entry>();
    return this.#dispatcher.submit({ name, ...checked, lane, ordered, stage });
  }

  /**
   * Waits for the receipt of an operation that `submit` numbered.
   * @throws ClientError REFUSED, NOT_YET_DURABLE, REDIS_UNAVAILABLE, SOURCE_FAILED, GIVEN_UP, CLIENT_CLOSED
   */
  async receiptOf(entry: Entry, deadlineMs = this.#options.deadlineMs): Promise<AppliedReceipt> {
    return applied(await this.#within(deadlineMs, entry.settled, () => this.#late(entry)));
  }

  /** Waits until Redis has the job of an operation. @throws as `receiptOf` does, except REFUSED. */
  async acceptanceOf(entry: Entry, deadlineMs = this.#options.deadlineMs): Promise<void> {
    await this.#within(deadlineMs, entry.accepted, () => this.#late(entry));
  }

  /** The receipt of any operation id. @throws as `receiptOf` does, and UNKNOWN_OPERATION. */
  async receipt(operationId: string, deadlineMs = this.#options.deadlineMs): Promise<AppliedReceipt> {
    this.assertOpen();
    const ending = this.#endings.of(operationId);
    if (ending !== undefined) return endingOf(ending);
    const entry = this.#dispatcher.find(operationId);
    if (entry !== undefined) {
      return applied(await this.#within(deadlineMs, entry.settled, () => notYetDurable(operationId)));
    }
    const patience = new AbortController();
    const signal = AbortSignal.any([patience.signal, this.#closing.signal]);
    const cancel = this.#options.clock.schedule(deadlineMs, () =>
      patience.abort(this.#link.isReady ? notYetDurable(operationId) : this.#unavailable(operationId)),
    );
    const { vm, clock } = this.#options;
    try {
      return await foreignReceipt({ link: this.#link, jobs: this.#jobs, vm, clock }, operationId, signal);
    } finally {
      cancel();
    }
  }

  assertOpen(): void {
    if (this.#closed !== undefined) throw closedError();
  }

  /** Reads something from Redis. @throws ClientError REDIS_UNAVAILABLE, CLIENT_CLOSED */
  async read<T>(command: (redis: Redis, keys: RedisKeys) => Promise<T>): Promise<T> {
    const { deadlineMs } = this.#options;
    const patience = new AbortController();
    const signal = AbortSignal.any([patience.signal, this.#closing.signal]);
    const cancel = this.#options.clock.schedule(deadlineMs, () => patience.abort(this.#unavailable()));
    try {
      return await this.#link.persist(signal, (redis) => command(redis, this.#keys));
    } finally {
      cancel();
    }
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
    if (deadlineMs > 0) await this.#soon(deadlineMs, this.#dispatcher.whenIdle());
    this.#closing.abort(closedError());
    this.#dispatcher.close((entry) => closedError(entry.facts.operationId));
    this.#staging.close();
    const farewell = Promise.allSettled([this.#replies.close(), this.#jobs.close()]);
    await this.#soon(farewellMs, farewell);
    this.#reader.close();
    this.#link.close();
  }

  /** Waits for `result`, but no longer than `patienceMs`. */
  async #soon(patienceMs: number, result: Promise<unknown>): Promise<void> {
    const late = Promise.withResolvers<void>();
    const cancel = this.#options.clock.schedule(patienceMs, late.resolve);
    await Promise.race([result, late.promise]);
    cancel();
  }

  #stage(operationId: string, { content, ...options }: ContentRequest): Stage {
    const source = sourceOf(content, this.#openFiles);
    if (source === undefined) throw notContent(content);
    return this.#staging.stageOf(operationId, source, options);
  }

  /** At the deadline: what Redis never got is given up, what it has, or may have, is tracked on. */
  #late(entry: Entry): ClientError {
    const { operationId, stage } = entry.facts;
    if (entry.handed) return notYetDurable(operationId);
    const isReading = this.#link.isReady && stage !== undefined && stage.staged === undefined;
    const waited = this.#staging.failureOf(operationId);
    const error = waited ?? (isReading ? slowSource(operationId) : this.#unavailable(operationId));
    this.#dispatcher.giveUp(entry, error);
    return error;
  }

  #within<T>(deadlineMs: number, result: Promise<T>, late: () => ClientError): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.#options.clock.schedule(deadlineMs, () => reject(late()));
      result.then(resolve, reject).finally(cancel);
    });
  }

  #unavailable(operationId?: string): ClientError {
    return new ClientError(
      'REDIS_UNAVAILABLE',
      'expected Redis to take the operation before its deadline, got none that could; nothing was stored, call again when Redis is back',
      operationId === undefined ? {} : { operationId },
      { cause: this.#link.lastError },
    );
  }
}

function applied(receipt: Receipt): AppliedReceipt {
  if (receipt.outcome === 'applied') return receipt;
  const { operationId, code, message } = receipt;
  throw new ClientError(
    'REFUSED',
    `expected the operation to be applied, got the refusal ${code}${message ? `: ${message}` : ''}`,
    { operationId, refusal: code, receipt },
  );
}

function endingOf(ending: Ending): AppliedReceipt {
  if ('error' in ending) throw ending.error;
  return applied(ending.receipt);
}

function notYetDurable(operationId: string): ClientError {
  return new ClientError(
    'NOT_YET_DURABLE',
    'expected a receipt before the deadline, got none yet; do not store again, ask client.receipt(operationId)',
    { operationId, spooled: false },
  );
}

function slowSource(operationId: string): ClientError {
  return new ClientError(
    'SOURCE_FAILED',
    'expected the content to be read and staged before the deadline, got an unfinished source; nothing was stored, give it a longer deadlineMs',
    { operationId },
  );
}

function closedError(operationId?: string): ClientError {
  return new ClientError(
    'CLIENT_CLOSED',
    'expected the client to be open, got one that was closed; make a new one',
    operationId === undefined ? {} : { operationId },
  );
}

function inUse(operationId: string): ClientError {
  return new ClientError(
    'INVALID',
    'expected operationId to be used once at a time, got one that is under way; wait for it with client.receipt(operationId)',
    { operationId, field: 'operationId' },
  );
}

function notContent(content: unknown): ClientError {
  return new ClientError(
    'INVALID',
    `expected content to be bytes, text, { path }, or a stream of bytes, got ${content === null ? 'null' : typeof content}; nothing was sent`,
    { field: 'content' },
  );
}
