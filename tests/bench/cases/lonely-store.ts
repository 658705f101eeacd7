// How long one 4 KiB store() takes when nobody else is there, over what a bare BullMQ job takes at the same time.

import type { Case, Context } from '../case.ts';
import { interleave } from '../interleave.ts';
import { quantile, type Run } from '../results.ts';
import { figuresOf } from '../rig/figures.ts';
import { withFolder } from '../rig/folder.ts';
import { startProcess } from '../rig/processes.ts';
import { ourWriter, peerWorker } from '../rig/programs.ts';
import { withBenchRedis } from '../rig/redis.ts';

/** The bare jobs go another way through the same Redis. */
const bareShard = '1';

interface Times {
  readonly ours: readonly number[];
  readonly bare: readonly number[];
}

function takeTimes({ sizes }: Context): Promise<Times> {
  return withFolder((folder) =>
    withBenchRedis(async ({ url }) => {
      const place = { redisUrl: url, folder };
      const writer = await startProcess(ourWriter(place));
      const nothing = peerWorker('nothing')(place);
      const peer = await startProcess({ ...nothing, env: { ...nothing.env, BENCH_SHARD: bareShard } });
      try {
        const env = {
          BENCH_REDIS_URL: url,
          BENCH_SHARD: bareShard,
          BENCH_OPERATIONS: String(sizes.lonelyOperations),
        };
        const figures = figuresOf({ script: 'tests/bench/peers/lonely.ts', env });
        const { ours, bare } = await Promise.race([figures, writer.failed, peer.failed]);
        return { ours: ours as number[], bare: bare as number[] };
      } finally {
        await Promise.all([writer.stop(), peer.stop()]);
      }
    }),
  );
}

export const lonelyStore: Case = {
  name: 'lonely-store',
  what: 'latency of one 4 KiB store(), and of a bare BullMQ job',
  async run(context) {
    const { times } = await interleave<'times', Times>(context, { times: () => takeTimes(context) });
    const runs = (share: number): Run[] =>
      times.map(({ ours, bare }) => ({ ours: quantile(ours, share), peer: quantile(bare, share) }));
    const note = `${context.sizes.lonelyOperations} of each per run, in turns`;
    return [
      { name: 'lonely-store.p50', runs: runs(0.5), note },
      { name: 'lonely-store.p99', runs: runs(0.99), note },
    ];
  },
};
