// The dashboard's one connection to Redis. It gives up on a command quickly and on the connection never, so that pages
// can say that Redis is away and go on when it is back.

import { Redis } from 'ioredis';
import type { Emit } from './events.ts';

const commandTimeoutMs = 2_000;
const connectTimeoutMs = 2_000;
/** A connection on which an answer is this late is dropped and made anew. */
const socketTimeoutMs = 10_000;
const retryMaxMs = 2_000;

/** Connects in the background; never throws and never rejects because Redis is away. */
export function connectRedis(url: string, emit: Emit): Redis {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: commandTimeoutMs,
    connectTimeout: connectTimeoutMs,
    socketTimeout: socketTimeoutMs,
    retryStrategy: (attempt) => Math.min(100 * attempt, retryMaxMs),
    connectionName: 'filefleet-dashboard',
  });
  reportAvailability(redis, emit);
  return redis;
}

/** Tells once when Redis goes and once when it comes back. */
function reportAvailability(redis: Redis, emit: Emit): void {
  let away = false;
  redis.on('error', (error: NodeJS.ErrnoException) => {
    if (away) return;
    away = true;
    emit('redis.away', { reason: error.code ?? error.name });
  });
  redis.on('ready', () => {
    if (away) emit('redis.back', {});
    away = false;
  });
}
