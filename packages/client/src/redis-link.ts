// One connection to Redis: its first connect is bounded, what is in flight when it breaks fails at once
// instead of being sent again behind our back, and whoever needs Redis waits here until it answers again.

import { Redis, type RedisOptions } from 'ioredis';
import { type Clock, pause } from './clock.ts';
import { ClientError } from './errors.ts';

/** A command that got no answer for this long is taken for lost, in milliseconds. */
const commandTimeoutMs = 5_000;
/** A socket that is silent for this long while something is expected is broken, in milliseconds. */
const socketTimeoutMs = 10_000;
const firstRetryMs = 50;
const lastRetryMs = 2_000;

export interface LinkOptions {
  readonly url: string;
  readonly clock: Clock;
  /** `commands`: pipelined, each bounded in time. `blocking`: for one command at a time that waits in Redis. */
  readonly purpose: 'commands' | 'blocking';
}

export class RedisLink {
  readonly redis: Redis;
  readonly #clock: Clock;
  readonly #waiters = new Set<() => void>();
  #lastError: unknown;

  constructor(options: LinkOptions) {
    this.#clock = options.clock;
    this.redis = new Redis(options.url, linkSettings(options.purpose));
    this.redis.on('error', (error) => {
      this.#lastError = error;
    });
    this.redis.on('ready', () => {
      for (const wake of this.#waiters) wake();
    });
  }

  get isReady(): boolean {
    return this.redis.status === 'ready';
  }

  /** What went wrong last, for the `cause` of an error. */
  get lastError(): unknown {
    return this.#lastError;
  }

  /**
   * Connects for the first time.
   * @param timeoutMs when to stop trying, in milliseconds.
   * @throws ClientError REDIS_UNAVAILABLE; the link is closed then.
   */
  async connect(timeoutMs: number): Promise<void> {
    const patience = new AbortController();
    const cancel = this.#clock.schedule(timeoutMs, () => patience.abort());
    // A failed first attempt is no verdict: the retry strategy goes on until the time is over.
    this.redis.connect().catch((error) => {
      this.#lastError = error;
    });
    try {
      await this.whenReady(patience.signal);
    } catch {
      this.close();
      throw new ClientError(
        'REDIS_UNAVAILABLE',
        `expected Redis to be ready within ${timeoutMs} ms, got ${describe(this.#lastError)}; check the URL and that Redis is running`,
        {},
        { cause: this.#lastError },
      );
    } finally {
      cancel();
    }
  }

  /** Resolves as soon as Redis takes commands. @throws the signal's reason when it is aborted before. */
  async whenReady(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.isReady) return;
    await new Promise<void>((resolve, reject) => {
      const leave = () => {
        this.#waiters.delete(onReady);
        signal.removeEventListener('abort', onAbort);
      };
      const onReady = () => {
        leave();
        resolve();
      };
      const onAbort = () => {
        leave();
        reject(signal.reason);
      };
      this.#waiters.add(onReady);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  /**
   * Runs a command that may safely run twice until Redis has done it, however often that fails.
   * @throws the signal's reason when it is aborted before.
   */
  async persist<T>(signal: AbortSignal, command: (redis: Redis) => Promise<T>): Promise<T> {
    for (let failures = 0; ; failures++) {
      await this.whenReady(signal);
      try {
        return await command(this.redis);
      } catch (error) {
        this.#lastError = error;
        await pause(this.#clock, retryAfterMs(failures), signal);
      }
    }
  }

  /** Runs a command whose failure changes nothing that matters. */
  async attempt(command: (redis: Redis) => Promise<unknown>): Promise<void> {
    if (!this.isReady) return;
    try {
      await command(this.redis);
    } catch (error) {
      this.#lastError = error;
    }
  }

  /** Ends the connection at once; what is in flight fails. */
  close(): void {
    this.redis.disconnect();
  }
}

/** Milliseconds to wait before another attempt: 50, 100, 200 ... 2,000. */
export function retryAfterMs(failures: number): number {
  return Math.min(firstRetryMs * 2 ** Math.min(failures, 10), lastRetryMs);
}

function linkSettings(purpose: LinkOptions['purpose']) {
  const shared = {
    lazyConnect: true,
    enableOfflineQueue: false,
    // In flight when the connection breaks: fail now. Sent again by ioredis, adds would overtake each other
    // unseen; dropped by it (autoResend alone), their promises would never settle.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 2_000,
    socketTimeout: socketTimeoutMs,
    retryStrategy: (attempt: number) => retryAfterMs(attempt - 1),
  } satisfies RedisOptions;
  if (purpose === 'blocking') return shared;
  return { ...shared, enableAutoPipelining: true, commandTimeout: commandTimeoutMs };
}

/** The text of an error without the address or password that it may hold. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'no answer';
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : (error.message.split(' ', 1)[0] ?? error.name);
}
