// The front door of an agent: store files, change them, ask for receipts.

import {
  type AppliedReceipt,
  isOperationId,
  type OperationName,
  type WriterState,
  writerStateField,
  writerStateSchema,
} from '@filefleet/protocol';
import type { Adoption } from './adoption.ts';
import { assertClientOptions, type ClientOptions } from './client-options.ts';
import { systemClock } from './clock.ts';
import { type Connection, connect } from './connect.ts';
import type { Courier } from './courier.ts';
import { ClientError } from './errors.ts';
import { Operator } from './operator.ts';
import { createReader, type Reader } from './reading/reader.ts';
import type {
  AccessEntry,
  AnnotateRequest,
  CleanupRequest,
  CopyRequest,
  DeleteRequest,
  FileRequest,
  LinkRequest,
  RenameRequest,
  RequestOptions,
  SessionRequest,
  StoreRequest,
} from './requests.ts';
import { type SpoolStatus, statusOf } from './spool/status.ts';
import { type StoreResult, storeMany } from './store-many.ts';

/**
 * Connects an agent to the fleet. One client per process is enough: it is made for thousands of operations in
 * flight. Close it, or the process stays alive.
 * With a spool, what a former process left in it is handed over, before anything new of the same sessions.
 * @throws ClientError INVALID for a wrong option; REDIS_UNAVAILABLE when Redis does not answer within
 * `connectTimeoutMs` and there is no spool; SPOOL_IN_USE, SPOOL_FULL, SPOOL_FAILED.
 */
export async function createClient(options: ClientOptions): Promise<Client> {
  assertClientOptions(options);
  const settings = {
    redis: options.redis,
    vm: options.vm,
    shard: options.shard ?? 0,
    actor: options.actor,
    deadlineMs: options.deadlineMs ?? 30_000,
    connectTimeoutMs: options.connectTimeoutMs ?? 5_000,
    clock: options.clock ?? systemClock,
    onBackpressure: options.onBackpressure,
  };
  const files = options.api && createReader({ ...options.api, clock: settings.clock });
  return new Client(await connect(settings, options.spool), files);
}

/**
 * An agent's connection to the fleet. Made by `createClient`.
 *
 * Operations of one session take effect in the order in which they are called on one client. Every method that
 * sends an operation resolves with its settled receipt and rejects with a `ClientError`: INVALID (nothing was
 * sent), REFUSED (settled, `refusal` says why), NOT_YET_DURABLE (handed over, or `spooled`; ask `receipt`),
 * REDIS_UNAVAILABLE, OVER_BUDGET, QUOTA (never handed over, for want of Redis or of room in it; not with a spool),
 * SPOOL_FULL and SPOOL_FAILED (not accepted), CLIENT_CLOSED.
 */
export class Client {
  readonly #courier: Courier;
  readonly #adoption: Adoption;
  readonly #files: Reader | undefined;
  /** What operators ask for: holds, plans, backups. */
  readonly operator: Operator = new Operator((...sent) => this.#send(...sent));

  /** @internal Clients are made by `createClient`; the built types leave this out, and with it all that is behind it. */
  constructor({ courier, adoption }: Connection, files: Reader | undefined) {
    this.#courier = courier;
    this.#adoption = adoption;
    this.#files = files;
  }

  /**
   * The reading half: lists, searches, contents. It goes to the dashboard and not through Redis, and works on after `close`.
   * @throws ClientError INVALID for a client that was made without `api`.
   */
  get files(): Reader {
    if (this.#files) return this.#files;
    const what = 'expected the client to be made with api, got none; give createClient the url and a token';
    throw new ClientError('INVALID', what, { field: 'api' });
  }

  /**
   * Stores a file. Resolves when its bytes and its row are on the writer's disk, and not before.
   * @returns the receipt; its `fileId` is the operation id.
   * @throws ClientError also SOURCE_FAILED (the content could not be read) and GIVEN_UP (a stream whose bytes
   * Redis lost).
   */
  async store(request: StoreRequest): Promise<AppliedReceipt> {
    const entry = this.#submitStore(request, true);
    return await this.#courier.receiptOf(entry, request.deadlineMs);
  }

  /**
   * Stores many files. They are taken from `requests` in order, and no faster than they are settled: at most 1,024 are
   * under way, and 64 MiB of their contents. So a generator may give a million.
   * @param requests as for `store`; an array, or anything that can be iterated over, also asynchronously.
   * @returns one result per request, at its place, as `Promise.allSettled` gives it: `fulfilled` with the receipt or
   * `rejected` with the ClientError that `store` would have thrown. One that fails does no harm to the others. After
   * the client was closed no more are taken.
   * @throws only what iterating over `requests` throws, when all that were taken before have ended.
   */
  async storeMany(requests: Iterable<StoreRequest> | AsyncIterable<StoreRequest>): Promise<StoreResult[]> {
    return await storeMany((request) => this.store(request), requests);
  }

  /**
   * Stores a file without waiting for the receipt: resolves when the spool has it, content included, on this
   * machine's disk. Without a spool, when Redis has the job: what only Redis has can be lost with Redis; as long
   * as this client lives, it notices and sends it again, if it can read the content again.
   * @throws ClientError also SOURCE_FAILED (the content could not be read).
   */
  async enqueueStore(request: StoreRequest): Promise<{ operationId: string; acceptedBy: 'spool' | 'redis' }> {
    const entry = this.#submitStore(request, false);
    const acceptedBy = await this.#courier.acceptanceOf(entry, request.deadlineMs);
    return { operationId: entry.facts.operationId, acceptedBy };
  }

  /**
   * The receipt of an operation, waited for if need be. Operations of this client are known for certain as long
   * as they are under way, and the last 10,000 afterwards. Of another process's operation only the job in Redis
   * can be asked, of which the last thousands are kept: a refusal then comes without `receipt`. Whoever still
   * has the content is better off calling `store` again with the same `operationId`.
   * @throws ClientError REFUSED, NOT_YET_DURABLE, UNKNOWN_OPERATION, REDIS_UNAVAILABLE, INVALID, CLIENT_CLOSED, and
   * how the operation failed if it did.
   */
  async receipt(operationId: string, options: { deadlineMs?: number } = {}): Promise<AppliedReceipt> {
    if (!isOperationId(operationId)) {
      throw new ClientError(
        'INVALID',
        'expected operationId to be a UUIDv7 in lower case; nothing was asked',
        {
          field: 'operationId',
        },
      );
    }
    const courier = this.#adoption.courierOf(operationId) ?? this.#courier;
    return await courier.receipt(operationId, options.deadlineMs);
  }

  /** Gives a file another name, in its own session only. */
  async rename({ sessionId, fileId, filename, ...options }: RenameRequest): Promise<AppliedReceipt> {
    return await this.#send('file-rename', { sessionId, fileId, filename }, options);
  }

  /** Sets and removes (null) metadata of a file. */
  async annotate({ sessionId, fileId, metadata, ...options }: AnnotateRequest): Promise<AppliedReceipt> {
    return await this.#send('file-annotate', { sessionId, fileId, metadata }, options);
  }

  /** Links a file to a message, or into another session, where it becomes a file row of its own. */
  async link(request: LinkRequest): Promise<AppliedReceipt> {
    const { sessionId, fileId, toSessionId, messageId, associationType, ...options } = request;
    const fields = { sessionId, fileId, toSessionId, messageId, associationType };
    return await this.#send('file-link', fields, options);
  }

  /** Makes a second file of the same bytes. */
  async copy(request: CopyRequest): Promise<AppliedReceipt> {
    const { sessionId, fileId, toSessionId, filename, ...options } = request;
    return await this.#send('file-copy', { sessionId, fileId, toSessionId, filename }, options);
  }

  /** Deletes a file; `restore` takes it back. */
  async delete({ sessionId, fileId, reason, ...options }: DeleteRequest): Promise<AppliedReceipt> {
    return await this.#send('file-delete', { sessionId, fileId, reason }, options);
  }

  /** Takes a `delete` back. */
  async restore({ sessionId, fileId, ...options }: FileRequest): Promise<AppliedReceipt> {
    return await this.#send('file-restore', { sessionId, fileId }, options);
  }

  /** Removes a file for good; its bytes go with the last file that has them. */
  async purge({ sessionId, fileId, reason, ...options }: DeleteRequest): Promise<AppliedReceipt> {
    return await this.#send('file-purge', { sessionId, fileId, reason }, options);
  }

  /** Ends a session: the clock of its files' retention starts. */
  async endSession({ sessionId, ...options }: SessionRequest): Promise<AppliedReceipt> {
    return await this.#send('session-end', { sessionId }, options);
  }

  /** Deletes (`soft`) or purges (`hard`) all files of a session; the receipt's `files` says how many. */
  async cleanupSession({ sessionId, mode, reason, ...options }: CleanupRequest): Promise<AppliedReceipt> {
    return await this.#send('session-cleanup', { sessionId, mode, reason }, options);
  }

  /** Takes back the soft deletion of all files of a session; the receipt's `files` says how many. */
  async restoreSession({ sessionId, ...options }: SessionRequest): Promise<AppliedReceipt> {
    return await this.#send('session-restore', { sessionId }, options);
  }

  /** Asks for the schema to be there. Harmless at any time; the receipt has its `schemaVersion`. */
  async initialize(options: RequestOptions = {}): Promise<AppliedReceipt> {
    return await this.#send('store-initialize', {}, options);
  }

  /** Puts 1 to 100 views and downloads into the access log. */
  async recordAccess(entries: readonly AccessEntry[], options: RequestOptions = {}): Promise<AppliedReceipt> {
    return await this.#send('access-record', { entries }, options);
  }

  /**
   * What the writer last published about itself; undefined when no writer ever ran on this Redis, or when it
   * published something this version cannot read. Compare `heartbeatAtMs` with `writerStaleAfterMs`.
   * @throws ClientError REDIS_UNAVAILABLE, CLIENT_CLOSED
   */
  async writerState(): Promise<WriterState | undefined> {
    this.#courier.assertOpen();
    const json = await this.#courier.read((redis, keys) => redis.hget(keys.writer, writerStateField));
    return json === null ? undefined : parseState(json);
  }

  /** What the spool holds; undefined without one. */
  spoolStatus(): SpoolStatus | undefined {
    const { spool } = this.#courier;
    const isHanded = (operationId: string) => this.#courier.find(operationId)?.handed === true;
    return spool && statusOf(spool, this.#adoption.spools, isHanded);
  }

  /**
   * Ends the client within about a second, also when Redis hangs. What is not settled rejects with CLIENT_CLOSED,
   * though it may still take effect; what is spooled stays so. A second call is the same as the first.
   * @param options `deadlineMs`: wait this long for what is under way to settle first; 0 unless given.
   */
  async close(options: { deadlineMs?: number } = {}): Promise<void> {
    await this.#courier.close(options.deadlineMs ?? 0);
    await this.#adoption.close();
  }

  async #send(
    name: OperationName,
    fields: Readonly<Record<string, unknown>>,
    options: RequestOptions,
  ): Promise<AppliedReceipt> {
    return await this.#courier.receiptOf(this.#courier.submit(name, fields, options), options.deadlineMs);
  }

  /** @param mayBeKnown whether content that the writer seems to hold may stay at home: only while somebody waits here to send it after all. */
  #submitStore(request: StoreRequest, mayBeKnown: boolean) {
    const {
      content,
      onProgress,
      operationId: _id,
      actor: _actor,
      deadlineMs: _ms,
      retryOf: _of,
      ...fields
    } = request;
    return this.#courier.submit('file-store', fields, request, {
      content,
      mayBeKnown,
      ...(onProgress && { onProgress }),
    });
  }
}

function parseState(json: string): WriterState | undefined {
  try {
    return writerStateSchema.safeParse(JSON.parse(json)).data;
  } catch {
    return undefined; // not JSON: nothing that can be said about a writer
  }
}
