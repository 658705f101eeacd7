// 4 KiB files, from jobs that wait in Redis with their staged bytes to settled jobs.

import type { Case, Context } from '../case.ts';
import { interleave } from '../interleave.ts';
import { pair } from '../results.ts';
import { type DrainPlan, drainOnce, figureOf } from '../rig/drain.ts';
import { storeJob } from '../rig/jobs.ts';
import { runLoopOnce } from '../rig/loop.ts';
import { ourWriter, peerWorker } from '../rig/programs.ts';
import { chosen } from './chosen.ts';

const fileBytes = 4_096;
/** One transaction per job is slow enough for fewer jobs to tell its rate. */
const slowShare = 0.3;

const programs = {
  ours: ourWriter,
  'one-transaction': peerWorker('one-transaction'),
  reading: peerWorker('reading'),
  nothing: peerWorker('nothing'),
};
type Contestant = keyof typeof programs;

function plan({ sizes }: Context, contestant: Contestant): DrainPlan {
  const share = contestant === 'one-transaction' ? slowShare : 1;
  return {
    jobs: () => makeJobs(sizes.operations * share),
    warmUp: () => makeJobs(sizes.warmUp * share),
    program: programs[contestant],
  };
}

const makeJobs = (count: number) => Array.from({ length: count }, (_, index) => storeJob(index, fileBytes));

export const files4k: Case = {
  name: 'files-4k',
  what: '4 KiB files waiting in Redis: ours, plain BullMQ workers, SQLite alone',
  async run(context) {
    const { operations, warmUp } = context.sizes;
    const drain = (contestant: Contestant) => async () =>
      figureOf(await drainOnce(plan(context, contestant)));
    const loop = (name: 'sqlite-loop' | 'store-loop') => () =>
      runLoopOnce({ loop: name, operation: 'file-store', operations, warmUp, files: 0 });
    const figures = await interleave(context, {
      ours: drain('ours'),
      'one-transaction': drain('one-transaction'),
      reading: drain('reading'),
      nothing: drain('nothing'),
      'sqlite-loop': loop('sqlite-loop'),
      'store-loop': loop('store-loop'),
    });
    const note = `${operations} files per run`;
    return [
      pair('files-4k.one-transaction', figures.ours, figures['one-transaction'], note),
      pair('files-4k.reading', figures.ours, figures.reading, note),
      pair('files-4k.nothing', figures.ours, figures.nothing, note),
      pair('files-4k.sqlite-loop', figures.ours, figures['sqlite-loop'], note),
      pair('files-4k.store-loop', figures.ours, figures['store-loop'], note),
    ];
  },
  async profile(context, contestant, change) {
    const planned = plan(context, chosen(programs, contestant));
    return await drainOnce({ ...planned, program: (place) => change(planned.program(place)) });
  },
};
