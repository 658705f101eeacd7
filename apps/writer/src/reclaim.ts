// A starting writer takes its predecessor's active jobs back at once, instead of waiting for BullMQ to find them stalled
// (60 s by default). It may, because it holds the lock and the highest epoch: nobody else works on them.

import type { Redis } from 'ioredis';
import { asFenced } from './fence.ts';

// KEYS: active, wait, stalled, marker, epoch. ARGV: our epoch, prefix of job keys.
// BullMQ takes jobs from the right end of wait and puts them at the left end of active, so the oldest active job is the
// rightmost. Pushed to the right of wait from left to right, the oldest is the first to be taken again.
// Keys that hold something else than the type BullMQ gives them are not ours to touch: TYPE is asked first.
const script = `
local highest = tonumber(redis.call('GET', KEYS[5])) or 0
if highest > tonumber(ARGV[1]) then return redis.error_reply('FENCED ' .. highest) end
if redis.call('TYPE', KEYS[1]).ok ~= 'list' then return {} end
local wait = redis.call('TYPE', KEYS[2]).ok
if wait ~= 'list' and wait ~= 'none' then return {} end
local jobs = redis.call('LRANGE', KEYS[1], 0, -1)
for _, id in ipairs(jobs) do
  redis.call('DEL', ARGV[2] .. id .. ':lock')
  redis.call('SREM', KEYS[3], id)
  redis.call('RPUSH', KEYS[2], id)
end
redis.call('DEL', KEYS[1])
if #jobs > 0 then redis.call('ZADD', KEYS[4], 0, '0') end
return jobs
`;

/**
 * Moves all active jobs of a queue back to the head of wait, in their order, and frees their locks.
 * @param queueKey prefix and name of the queue, such as `{filefleet:0}:operations`.
 * @returns the ids of the jobs that were taken back.
 * @throws FencedError when a higher epoch was seen; nothing was moved.
 */
export async function reclaimActiveJobs(
  redis: Redis,
  queueKey: string,
  fence: { epochKey: string; epoch: number },
): Promise<readonly string[]> {
  const keys = ['active', 'wait', 'stalled', 'marker'].map((part) => `${queueKey}:${part}`);
  try {
    return (await redis.eval(script, 5, ...keys, fence.epochKey, fence.epoch, `${queueKey}:`)) as string[];
  } catch (error) {
    throw asFenced(error, fence.epoch);
  }
}

/** Ids of the jobs that a predecessor left active, before they are taken back. */
export async function listActiveJobs(redis: Redis, queueKey: string): Promise<readonly string[]> {
  const key = `${queueKey}:active`;
  return (await redis.type(key)) === 'list' ? redis.lrange(key, 0, -1) : [];
}
