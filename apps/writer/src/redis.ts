// The writer's connections to Redis. Commands wait while Redis is away; nothing is thrown for it.

import { Redis } from 'ioredis';
import type { Emit } from './events.ts';

/** Longest pause between two tries to reconnect, in milliseconds: a restarted Redis is found soon. */
const reconnectMs = 500;

/** Opens a connection whose commands wait for Redis however long it is away. */
export function connectRedis(url: string, name: string, emit: Emit): Redis {
  const redis = new Redis(url, {
    connectionName: `filefleet-writer-${name}`,
    maxRetriesPerRequest: null,
    enableAutoPipelining: true,
    retryStrategy: (times) => Math.min(reconnectMs, times * 50),
    // READONLY: a failover left us at a replica; reconnect and send the command again.
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 2 : false),
  });
  redis.on('error', (error: Error) => emit('redis.error', { connection: name, message: error.message }));
  return redis;
}

/** Raised when Redis is set up in a way that would lose work. Exit code 78. */
export class RedisSetupError extends Error {
  override readonly name = 'RedisSetupError';
  readonly code = 'REDIS_EVICTS';
}

/**
 * Refuses a Redis that may evict keys: it would drop queued operations without a word. Waits while Redis is away.
 * @throws RedisSetupError REDIS_EVICTS
 */
export async function assertNoEviction(redis: Redis): Promise<void> {
  const info = await redis.info('memory');
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1];
  if (policy === undefined || policy === 'noeviction') return;
  throw new RedisSetupError(
    `expected maxmemory-policy of Redis to be noeviction, got ${policy}; set it in redis.conf, or type: redis-cli config set maxmemory-policy noeviction`,
  );
}
