// The highest epoch that Redis has seen: a store that is restored must go on above it, or its writer would be taken for a
// predecessor that was replaced.

import { redisKeys } from '@filefleet/protocol';
import { Redis } from 'ioredis';
import type { Context } from '../context.ts';
import { findRedisUrl } from '../run-file.ts';

const patienceMs = 2_000;

/** @returns undefined when no Redis is known, or none answers; the second is noted. */
export async function seenEpoch(context: Context): Promise<number | undefined> {
  const config = context.config();
  const url = findRedisUrl(config);
  if (url === undefined) return undefined;
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: patienceMs,
    commandTimeout: patienceMs,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  redis.on('error', () => {}); // told by the rejection below
  try {
    await redis.connect();
    const epoch = Number(await redis.get(redisKeys(config.shard).epoch));
    return Number.isSafeInteger(epoch) && epoch >= 0 ? epoch : undefined;
  } catch {
    context.note('Redis does not answer; should the writer end with 75 later, restore with --epoch-above');
    return undefined;
  } finally {
    redis.disconnect();
  }
}
