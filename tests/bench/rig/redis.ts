// The Redis of one run: as `npm start` sets its private one up, on a free port, with an empty append-only file.

import { startRedis, type TestRedis } from '../../support/redis.ts';
import { withFolder } from './folder.ts';
import { endWithUs } from './left-behind.ts';

const settings = ['--appendonly', 'yes', '--appendfsync', 'everysec', '--maxmemory', '1gb'];

/** Starts it. */
async function startBenchRedis(folder: string): Promise<TestRedis> {
  const redis = await startRedis({ args: [...settings, '--dir', folder] });
  const forget = endWithUs(redis.pid);
  return { ...redis, stop: () => redis.stop().finally(forget) };
}

/** Gives the work a Redis of its own, so that it does not pay for what another run left behind, and ends it afterwards. */
export async function withBenchRedis<T>(work: (redis: TestRedis) => Promise<T>): Promise<T> {
  return await withFolder(async (folder) => {
    const redis = await startBenchRedis(folder);
    try {
      return await work(redis);
    } finally {
      await redis.stop();
    }
  });
}
