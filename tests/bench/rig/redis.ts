// The Redis of one run: as `npm start` sets its private one up, on a free port, with an empty append-only file.

import { startRedis, type TestRedis } from '../../support/redis.ts';
import { endWithUs } from './left-behind.ts';

const settings = ['--appendonly', 'yes', '--appendfsync', 'everysec', '--maxmemory', '1gb'];

/** Starts it; every run gets one of its own, so that none pays for what another left behind. */
export async function startBenchRedis(): Promise<TestRedis> {
  const redis = await startRedis({ args: settings });
  const forget = endWithUs(redis.pid);
  return { ...redis, stop: () => redis.stop().finally(forget) };
}
