// 4 KiB files all the way: from a producer's call to its receipt, many under way at once. On a small machine producer,
// Redis and writer share the processors, so this says less about the writer than the cases that only drain.

import type { Case, Context } from '../case.ts';
import { interleave } from '../interleave.ts';
import { type Figure, pair } from '../results.ts';
import { figuresOf } from '../rig/figures.ts';
import { withFolder } from '../rig/folder.ts';
import { startProcess } from '../rig/processes.ts';
import { ourWriter, peerWorker } from '../rig/programs.ts';
import { withBenchRedis } from '../rig/redis.ts';

const contestants = {
  ours: { program: ourWriter, producer: 'client', share: 1 },
  'one-transaction': { program: peerWorker('one-transaction'), producer: 'bullmq', share: 0.3 },
  reading: { program: peerWorker('reading'), producer: 'bullmq', share: 1 },
} as const;

function produceOnce({ sizes }: Context, name: keyof typeof contestants): Promise<Figure> {
  const { program, producer, share } = contestants[name];
  return withFolder((folder) =>
    withBenchRedis(async ({ url }) => {
      const worker = await startProcess(program({ redisUrl: url, folder }));
      try {
        const env = {
          BENCH_REDIS_URL: url,
          BENCH_PRODUCER: producer,
          BENCH_WARM_UP: String(sizes.warmUp * share),
          BENCH_OPERATIONS: String(sizes.operations * share),
        };
        const figures = figuresOf({ script: 'tests/bench/peers/producer.ts', env });
        const { rate } = await Promise.race([figures, worker.failed]);
        return { value: Number(rate) };
      } finally {
        await worker.stop();
      }
    }),
  );
}

export const client4k: Case = {
  name: 'client-4k',
  what: '4 KiB files through the client, with receipts; plain BullMQ producers and workers',
  async run(context) {
    const figures = await interleave(context, {
      ours: () => produceOnce(context, 'ours'),
      'one-transaction': () => produceOnce(context, 'one-transaction'),
      reading: () => produceOnce(context, 'reading'),
    });
    const note = `${context.sizes.operations} files per run, 512 under way`;
    return [
      pair('client-4k.one-transaction', figures.ours, figures['one-transaction'], note),
      pair('client-4k.reading', figures.ours, figures.reading, note),
    ];
  },
};
