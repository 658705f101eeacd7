// 2 MB files, which become files of their own on the disk: from jobs that wait in Redis to settled jobs, against writing the
// same bytes with fsync and nothing else.

import type { Case, Context } from '../case.ts';
import { interleave } from '../interleave.ts';
import { pair } from '../results.ts';
import { type DrainPlan, drainOnce, figureOf } from '../rig/drain.ts';
import { figuresOf } from '../rig/figures.ts';
import { withFolder } from '../rig/folder.ts';
import { storeJob } from '../rig/jobs.ts';
import { ourWriter } from '../rig/programs.ts';

const fileBytes = 2_000_000;
const warmUpFiles = 5;

function plan({ sizes }: Context): DrainPlan {
  return {
    jobs: () => makeJobs(sizes.largeFiles),
    warmUp: () => makeJobs(warmUpFiles),
    program: ourWriter,
  };
}

const makeJobs = (count: number) => Array.from({ length: count }, (_, index) => storeJob(index, fileBytes));

function writeToDisk(files: number): Promise<number> {
  return withFolder(async (folder) => {
    const env = {
      BENCH_FOLDER: folder,
      BENCH_OPERATIONS: String(files),
      BENCH_FILE_BYTES: String(fileBytes),
    };
    const { rate } = await figuresOf({ script: 'tests/bench/peers/disk.ts', env });
    return Number(rate);
  });
}

export const files2m: Case = {
  name: 'files-2m',
  what: '2 MB files waiting in Redis: ours, and the disk alone',
  async run(context) {
    const { largeFiles } = context.sizes;
    const figures = await interleave(context, {
      ours: async () => figureOf(await drainOnce(plan(context))),
      disk: async () => ({ value: await writeToDisk(largeFiles) }),
    });
    return [pair('files-2m.disk', figures.ours, figures.disk, `${largeFiles} files per run`)];
  },
  profile: async (context, _contestant, change) =>
    await drainOnce({ ...plan(context), program: (place) => change(ourWriter(place)) }),
};
