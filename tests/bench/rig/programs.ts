// The contestants as programs: ours, started as in production, and the peers that it is measured against.

import { createHash } from 'node:crypto';
import { compileCache } from '../../support/compile-cache.ts';
import { testUsers, testUsersVariable } from '../../support/dashboard-users.ts';
import type { Place } from './drain.ts';
import type { Program } from './processes.ts';

/** Jobs that a peer takes at once: as many as our writer. */
export const concurrency = 512;

export function ourWriter({ redisUrl, folder }: Place): Program {
  return {
    script: 'apps/writer/src/main.ts',
    env: {
      FILEFLEET_REDIS_URL: redisUrl,
      FILEFLEET_DATA_DIR: folder,
      FILEFLEET_LOG_LEVEL: 'info',
      NODE_COMPILE_CACHE: compileCache,
    },
    readyEvent: 'writer.ready',
  };
}

/** How programs of the bench come into the dashboard: with a token where one is enough, else as somebody who looks. */
export const dashboardToken = 'token-of-the-bench';
export const dashboardViewer = testUsers.viewer.basic;

/** Its ready line has the `url`. */
export function ourDashboard({ redisUrl, folder }: Place): Program {
  const hash = createHash('sha256').update(dashboardToken).digest('hex');
  return {
    script: 'apps/dashboard/src/main.ts',
    env: {
      FILEFLEET_REDIS_URL: redisUrl,
      FILEFLEET_DATA_DIR: folder,
      FILEFLEET_DASHBOARD_PORT: '0',
      FILEFLEET_DASHBOARD_USERS: testUsersVariable,
      FILEFLEET_DASHBOARD_TOKENS: `bench:read:${hash}`,
      FILEFLEET_LOG_LEVEL: 'info',
      NODE_COMPILE_CACHE: compileCache,
    },
    readyEvent: 'dashboard.ready',
  };
}

export type PeerName = 'nothing' | 'reading' | 'one-transaction' | 'bytes-only';

/** A plain BullMQ worker on the same queue. @param atOnce jobs that it takes at once. */
export function peerWorker(peer: PeerName, atOnce: number = concurrency): (place: Place) => Program {
  return ({ redisUrl, folder }) => ({
    script: `tests/bench/peers/${peer}.ts`,
    env: { BENCH_REDIS_URL: redisUrl, BENCH_FOLDER: folder, BENCH_CONCURRENCY: String(atOnce) },
    readyEvent: 'ready',
  });
}
