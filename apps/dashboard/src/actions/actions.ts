// What people do on our pages becomes operations in the queue: the dashboard is a producer like any other, and has no other
// way to change anything. One client, made when somebody first acts, so that the dashboard starts without Redis.

import {
  type AppliedReceipt,
  type Client,
  createClient,
  type OperationFields,
  type Receipt,
} from '@filefleet/client';
import { makeOperationId, type OperationName } from '@filefleet/protocol';
import { LRUCache } from 'lru-cache';
import { ActionError, actionErrorOf } from './action-error.ts';

/** The dashboard's name among the VMs. */
export const dashboardVm = 'dashboard';

/** How long a page waits for the writer, in milliseconds. */
const defaultDeadlineMs = 5_000;
const connectTimeoutMs = 2_000;
/** Operations of late, so that a form that is sent twice waits for the first one's receipt. */
const rememberCount = 10_000;

export interface ActionsOptions {
  /** Undefined: this dashboard has no way to the queue, and every action says so. */
  readonly redisUrl: string | undefined;
  readonly shard: number;
  readonly deadlineMs?: number;
}

/** Who acts: a person or a program with a token. The name goes into the audit. */
export interface Actor {
  readonly name: string;
}

export interface ActionOptions {
  /** Of the form, as idempotency key: the same id twice is one effect and one receipt. */
  readonly operationId?: string;
  readonly retryOf?: string;
  readonly deadlineMs?: number;
}

export class Actions {
  readonly #options: ActionsOptions;
  readonly #asked = new LRUCache<string, string>({ max: rememberCount });
  #client: Promise<Client> | undefined;
  #closed = false;

  constructor(options: ActionsOptions) {
    this.#options = options;
  }

  /**
   * Sends an operation and waits for its receipt.
   * @param actor who asked; their name is the operation's actor, and so the audit's.
   * @param fields of the operation, as the protocol names them.
   * @throws ActionError with a sentence for the page; `isUnderWay`: it will still take effect.
   */
  async run<N extends OperationName>(
    actor: Actor,
    name: N,
    fields: OperationFields<N>,
    options: ActionOptions = {},
  ): Promise<AppliedReceipt> {
    const { operationId = makeOperationId(), retryOf, deadlineMs } = options;
    const { content: _way, ...asked } = fields as { content?: unknown }; // the same bytes may come by another way
    const intent = JSON.stringify([actor.name, name, asked]);
    const again = this.#asked.get(operationId) === intent;
    this.#asked.set(operationId, intent);
    const given = { operationId, actor: actor.name };
    const rest = { ...(retryOf && { retryOf }), ...(deadlineMs && { deadlineMs }) };
    try {
      const client = await this.#connected();
      if (again) return await client.receipt(operationId, rest);
      return await client.operator.run(name, fields, { ...given, ...rest });
    } catch (error) {
      throw this.#failed(error, operationId);
    }
  }

  /** Ends within about a second, also when Redis hangs. What was handed over takes effect all the same. */
  async close(): Promise<void> {
    this.#closed = true;
    const client = await this.#client?.catch(() => undefined);
    await client?.close();
  }

  /** A failed attempt is forgotten: the next action tries again. */
  #connected(): Promise<Client> {
    const { redisUrl, shard, deadlineMs = defaultDeadlineMs } = this.#options;
    if (redisUrl === undefined || this.#closed) throw noQueue();
    this.#client ??= createClient({
      redis: redisUrl,
      shard,
      vm: dashboardVm,
      deadlineMs,
      connectTimeoutMs,
    }).catch((error: unknown) => {
      this.#client = undefined;
      throw error;
    });
    return this.#client;
  }

  /** What was never handed over may be asked for again under the same id. */
  #failed(error: unknown, operationId: string): unknown {
    const failure = actionErrorOf(error, operationId);
    if (!failure?.isUnderWay && failure?.status !== 409) this.#asked.delete(operationId);
    return failure ?? error;
  }
}

function noQueue(): ActionError {
  return new ActionError(
    'NO_QUEUE',
    'This dashboard has no way to the queue, so nothing was changed. Set FILEFLEET_REDIS_URL.',
    { status: 503 },
  );
}

export type { AppliedReceipt, Receipt };
