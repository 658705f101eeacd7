// Large files all the way: 32 MB from a path to its receipt, against writing the same bytes with fsync and nothing else; the same
// file once more, which should send nothing of it; and the memory of client and writer while files of 64 MiB pass.

import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Case, Context } from '../case.ts';
import { interleave } from '../interleave.ts';
import { pair } from '../results.ts';
import { figuresOf } from '../rig/figures.ts';
import { withFolder } from '../rig/folder.ts';
import { peakMemoryMiB, restMemoryMiB } from '../rig/memory.ts';
import { startProcess } from '../rig/processes.ts';
import { ourWriter } from '../rig/programs.ts';
import { withBenchRedis } from '../rig/redis.ts';

const largeBytes = 32_000_000;
const largestBytes = 64 * 1024 ** 2;
/** Stores under way at once: as many as one VM may have in Redis at the largest size. */
const atOnce = 2;

interface Stored {
  readonly rate: number;
  readonly sentAgainBytes: number;
  readonly clientMiB: number;
  readonly writerMiB: number;
}

function storeOnce(files: number, bytes: number): Promise<Stored> {
  return withFolder((folder) =>
    withBenchRedis(async ({ url }) => {
      const paths = await makeFiles(folder, files, bytes);
      const writer = await startProcess(ourWriter({ redisUrl: url, folder: join(folder, 'data') }));
      try {
        const env = {
          BENCH_REDIS_URL: url,
          BENCH_PATHS: paths.join(':'),
          BENCH_AT_ONCE: String(atOnce),
        };
        const producer = await startProcess({
          script: 'tests/bench/peers/large-store.ts',
          env,
          readyEvent: 'ready',
        });
        try {
          const done = producer.event('done');
          const idleMiB = restMemoryMiB(writer.pid);
          const figures = await Promise.race([done, writer.failed, producer.failed]);
          return {
            rate: Number(figures.rate),
            sentAgainBytes: Number(figures.sentAgainBytes),
            clientMiB: Number(figures.memoryMiB),
            writerMiB: peakMemoryMiB(writer.pid) - idleMiB,
          };
        } finally {
          await producer.stop();
        }
      } finally {
        await writer.stop();
      }
    }),
  );
}

async function makeFiles(folder: string, count: number, bytes: number): Promise<string[]> {
  const paths = Array.from({ length: count }, (_, n) => join(folder, `large-${n}`));
  for (const path of paths) await writeFile(path, randomBytes(bytes));
  return paths;
}

function writeToDisk(files: number): Promise<number> {
  return withFolder(async (folder) => {
    const env = {
      BENCH_FOLDER: folder,
      BENCH_OPERATIONS: String(files),
      BENCH_FILE_BYTES: String(largeBytes),
    };
    const { rate } = await figuresOf({ script: 'tests/bench/peers/disk.ts', env });
    return Number(rate);
  });
}

const alone = (values: readonly number[]) => values.map((value) => ({ value }));

export const largeFiles: Case = {
  name: 'large-files',
  what: '32 MB files through the client, and once more; memory while files of 64 MiB pass',
  async run(context: Context) {
    const files = context.sizes.largestFiles;
    const figures = await interleave<'ours' | 'largest' | 'disk', Partial<Stored>>(context, {
      ours: () => storeOnce(files, largeBytes),
      disk: async () => ({ rate: await writeToDisk(files) }),
      largest: () => storeOnce(files, largestBytes),
    });
    const taken = (name: keyof typeof figures, figure: keyof Stored) =>
      alone(figures[name].map((run) => run[figure] ?? Number.NaN));
    const note = `${files} files per run, ${atOnce} under way`;
    return [
      pair('large-files.disk', taken('ours', 'rate'), taken('disk', 'rate'), note),
      pair('large-files.again', taken('ours', 'sentAgainBytes'), []),
      pair('large-files.client-memory', taken('largest', 'clientMiB'), [], note),
      pair('large-files.writer-memory', taken('largest', 'writerMiB'), [], note),
    ];
  },
};
