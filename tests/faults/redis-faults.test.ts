// Order and completeness while Redis misbehaves in the middle of thousands of calls that nobody waits for: out of memory,
// without its scripts, killed and restarted with and without what it knew.

import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { until } from '../support/deadline.ts';
import { casesOf } from '../support/full-forms.ts';
import { randomOf } from './load/random.ts';
import type { Rig } from './rig/rig.ts';
import { useRig } from './rig/use-rig.ts';

const rig = useRig({ seed: 'redis-faults', vms: ['vm1', 'vm2'] });

/** Calls of each producer, in portions, so that calling and settling overlap. */
const portions = 5;
const callsPerPortion = 300;

interface Fault {
  readonly what: string;
  strike(rig: Rig): Promise<void>;
}

/** Runs commands on a connection that lasts no longer. */
async function command(url: string, run: (redis: Redis) => Promise<unknown>): Promise<void> {
  const redis = new Redis(url, { maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  try {
    await run(redis);
  } finally {
    redis.disconnect();
  }
}

const random = randomOf('redis-faults');
/** When, in the middle of the load, is as good as any moment; the seed only makes it the same again. */
const aMoment = (longestMs: number) => pause(random.below(longestMs));

const faults: readonly Fault[] = [
  {
    what: 'is out of memory',
    strike: ({ redisUrl }) =>
      command(redisUrl, async (redis) => {
        await redis.config('RESETSTAT');
        await redis.config('SET', 'maxmemory', '1mb');
        const refused = async () => (await redis.info('errorstats')).includes('errorstat_OOM');
        await until(refused, 'Redis to refuse somebody for lack of memory');
        await aMoment(300);
        await redis.config('SET', 'maxmemory', '0');
      }),
  },
  {
    what: 'forgets its scripts',
    strike: ({ redisUrl }) =>
      command(redisUrl, async (redis) => {
        for (let n = 0; n < 20; n++) {
          await redis.script('FLUSH');
          await aMoment(10);
        }
      }),
  },
  { what: 'is killed and comes back with all it knew', strike: (struck) => struck.killRedis('all') },
  { what: 'is killed and comes back without the last it knew', strike: (struck) => struck.killRedis('most') },
  { what: 'is killed and comes back empty', strike: (struck) => struck.killRedis('nothing') },
];

describe('thousands of ordered calls settle in their order, each once, when Redis', () => {
  // What it forgets, and what it refuses; the rest is more of the same.
  const chosen = casesOf('tests/faults/redis-faults', faults, ({ what }) =>
    /memory|without the last/.test(what),
  );

  it.each(chosen)('$what in the middle of them', { timeout: 180_000 }, async ({ strike }) => {
    if (!rig().isWriting) await rig().startWriter().ready;
    const receiptsBefore = countReceipts(rig());
    for (let portion = 0; portion < portions; portion++) {
      rig().burst(callsPerPortion);
      await aMoment(200);
      await strike(rig());
    }
    const { violations } = await rig().check();
    expect(violations).toEqual([]);
    expect(countReceipts(rig()) - receiptsBefore).toBeGreaterThan(callsPerPortion * portions);
    expect(rig().isWriting).toBe(true);
  });
});

const countReceipts = (counted: Rig): number =>
  counted.journals().reduce((sum, { endings }) => sum + endings.size, 0);
