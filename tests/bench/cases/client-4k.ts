// 4 KiB files all the way: from a producer's call to its receipt, many under way at once. On a small machine producer,
// Redis and writer share the processors, so this says less about the writer than the cases that only drain.

import { Redis } from 'ioredis';
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

/**
 * How many files are handed over: fewer than half of what a VM may have queued, so that nothing waits and the client need
 * not count its own among them.
 */
const handedOver = 2_000;
/** What a producer does once per file is compiled only after some thousands of them. */
const warmUpShare = 5;

const handovers = {
  client: ourWriter,
  'add-bulk': peerWorker('nothing'),
} as const;

/** To a queue that only grows: whoever took what was handed over to warm up has ended before. */
function handOverOnce({ sizes }: Context, producer: keyof typeof handovers): Promise<Figure> {
  return withFolder((folder) =>
    withBenchRedis(async ({ url }) => {
      const taker = await startProcess(handovers[producer]({ redisUrl: url, folder }));
      const redis = new Redis(url);
      try {
        const env = {
          BENCH_REDIS_URL: url,
          BENCH_PRODUCER: producer,
          BENCH_WARM_UP: String(sizes.warmUp * warmUpShare),
          BENCH_OPERATIONS: String(Math.min(sizes.operations, handedOver)),
        };
        const script = 'tests/bench/peers/handover.ts';
        const process = await startProcess({ script, env, readyEvent: 'ready' });
        try {
          await taker.stop();
          const done = process.event('done');
          await redis.lpush('bench:go', '1');
          const { rate, processorUs } = await Promise.race([done, process.failed]);
          return { value: Number(rate), processorUs: Number(processorUs) };
        } finally {
          await process.stop();
        }
      } finally {
        redis.disconnect();
        await taker.stop();
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
      handover: () => handOverOnce(context, 'client'),
      'add-bulk': () => handOverOnce(context, 'add-bulk'),
    });
    const note = `${context.sizes.operations} files per run, 512 under way`;
    const queued = Math.min(context.sizes.operations, handedOver);
    return [
      pair(
        'client-4k.add-bulk',
        figures.handover,
        figures['add-bulk'],
        `${queued} files per run, nobody takes them`,
      ),
      pair('client-4k.one-transaction', figures.ours, figures['one-transaction'], note),
      pair('client-4k.reading', figures.ours, figures.reading, note),
    ];
  },
};
