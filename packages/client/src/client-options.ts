// What a client is made with.

import { assertVmName, ProtocolError } from '@filefleet/protocol';
import type { OnBackpressure } from './backpressure.ts';
import type { Clock } from './clock.ts';
import { ClientError } from './errors.ts';
import type { ReaderOptions } from './reading/settings.ts';
import type { SpoolOptions } from './spool/settings.ts';

export interface ClientOptions {
  /** URL of Redis, such as `redis://:password@vm3:6379`. */
  readonly redis: string;
  /** Name of this VM, such as `vm5`. */
  readonly vm: string;
  /** 0 unless the fleet has several writers. */
  readonly shard?: number;
  /** Who asks, where an operation does not say so itself. */
  readonly actor?: string;
  /** How long an operation waits for its receipt, in milliseconds; 30,000 unless given. */
  readonly deadlineMs?: number;
  /** How long the first connect may take, in milliseconds; 5,000 unless given. */
  readonly connectTimeoutMs?: number;
  /**
   * A folder of this producer's own. With it every operation is written to this disk first and outlives Redis, the
   * writer and this process; Redis may be away when the client is made.
   */
  readonly spool?: string | SpoolOptions;
  /**
   * Told when this client has to wait for others - for room in Redis, for its VM's place in the queue, for a writer - and when
   * that is over. Operations wait by themselves, until their deadline.
   */
  readonly onBackpressure?: OnBackpressure;
  /** Where files are read from: address and token of a dashboard. With it, `client.files` is there. */
  readonly api?: Omit<ReaderOptions, 'clock'>;
  /** For tests. */
  readonly clock?: Clock;
}

const names: Readonly<Record<keyof ClientOptions, true>> = {
  redis: true,
  vm: true,
  shard: true,
  actor: true,
  deadlineMs: true,
  connectTimeoutMs: true,
  spool: true,
  onBackpressure: true,
  api: true,
  clock: true,
};

/**
 * Looks for what plain JavaScript lets through: a misspelt `spool` would be an agent that believes it has one.
 * @throws ClientError INVALID
 */
export function assertClientOptions(options: ClientOptions): void {
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(names, name));
  if (unknown !== undefined) {
    const message = `expected options to be of ${Object.keys(names).join(', ')}, got ${JSON.stringify(unknown)}; correct its name, or remove it`;
    throw new ClientError('INVALID', message, { field: unknown });
  }
  // Not shown: a password may be in it. ioredis takes any other text for the path of a socket.
  if (typeof options.redis !== 'string' || !/^(rediss?:\/\/|\/)/.test(options.redis)) {
    const message =
      'expected redis to be redis://host:port, rediss://host:port or the path of a unix socket, got another form';
    throw new ClientError('INVALID', message, { field: 'redis' });
  }
  try {
    assertVmName(options.vm);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw new ClientError('INVALID', error.message, { field: 'vm' }, { cause: error });
  }
}
