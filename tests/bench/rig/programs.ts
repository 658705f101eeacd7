// The contestants as programs: ours, started as in production, and the peers that it is measured against.

import { compileCache } from '../../support/writer.ts';
import type { Place } from './drain.ts';
import type { Program } from './processes.ts';

/** Jobs that a peer takes at once: as many as a group of ours. */
export const concurrency = 256;

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

export type PeerName = 'nothing' | 'reading' | 'one-transaction';

/** A plain BullMQ worker on the same queue. */
export function peerWorker(peer: PeerName): (place: Place) => Program {
  return ({ redisUrl, folder }) => ({
    script: `tests/bench/peers/${peer}.ts`,
    env: { BENCH_REDIS_URL: redisUrl, BENCH_FOLDER: folder, BENCH_CONCURRENCY: String(concurrency) },
    readyEvent: 'ready',
  });
}
