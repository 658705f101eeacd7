// 2 MB files, which become files of their own on the disk: from jobs that wait in Redis to settled jobs, against writing the
// same bytes with fsync and nothing else, and against a worker that only does what no way through Redis can do without.

import type { Case, Context } from '../case.ts';
import { interleave } from '../interleave.ts';
import { type Figure, pair } from '../results.ts';
import { type DrainPlan, drainOnce, figureOf } from '../rig/drain.ts';
import { figuresOf } from '../rig/figures.ts';
import { withFolder } from '../rig/folder.ts';
import { storeJob } from '../rig/jobs.ts';
import { ourWriter, peerWorker } from '../rig/programs.ts';
import { chosen } from './chosen.ts';

const fileBytes = 2_000_000;
/** Before V8 has compiled what copies and hashes, a file takes twice as long. */
const warmUpFiles = 60;
/** Files under way at once: as many as the writer has. */
const atOnce = 4;

const programs = { ours: ourWriter, 'bytes-only': peerWorker('bytes-only', atOnce) };
type Contestant = keyof typeof programs;

function plan({ sizes }: Context, contestant: Contestant): DrainPlan {
  return {
    jobs: () => makeJobs(sizes.largeFiles),
    warmUp: () => makeJobs(Math.min(warmUpFiles, sizes.largeFiles)),
    program: programs[contestant],
  };
}

const makeJobs = (count: number) => Array.from({ length: count }, (_, index) => storeJob(index, fileBytes));

function writeToDisk(files: number): Promise<Figure> {
  return withFolder(async (folder) => {
    const env = {
      BENCH_FOLDER: folder,
      BENCH_OPERATIONS: String(files),
      BENCH_FILE_BYTES: String(fileBytes),
    };
    const { rate, processorUs } = await figuresOf({ script: 'tests/bench/peers/disk.ts', env });
    return { value: Number(rate), processorUs: Number(processorUs) };
  });
}

export const files2m: Case = {
  name: 'files-2m',
  what: '2 MB files waiting in Redis: ours, a worker that only brings the bytes to the disk, and the disk alone',
  async run(context) {
    const { largeFiles } = context.sizes;
    const figures = await interleave(context, {
      ours: async () => figureOf(await drainOnce(plan(context, 'ours'))),
      'bytes-only': async () => figureOf(await drainOnce(plan(context, 'bytes-only'))),
      disk: () => writeToDisk(largeFiles),
    });
    const note = `${largeFiles} files per run`;
    return [
      pair('files-2m.disk', figures.ours, figures.disk, note),
      pair('files-2m.bytes-only', figures.ours, figures['bytes-only'], note),
      pair('files-2m.bound', figures['bytes-only'], figures.disk, note),
    ];
  },
  async profile(context, contestant, change) {
    const planned = plan(context, chosen(programs, contestant));
    return await drainOnce({ ...planned, program: (place) => change(planned.program(place)) });
  },
};
