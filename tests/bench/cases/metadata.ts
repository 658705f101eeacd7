// Metadata-only operations, from jobs that wait in Redis to settled jobs: `file-annotate`, which sets one entry of a file's
// metadata. Of the operations without bytes it is the one that agents send most, and not the cheapest.

import { makeOperationId } from '@filefleet/protocol';
import type { Case, Context } from '../case.ts';
import { type FilledFile, fillStore } from '../fixture/fill.ts';
import { interleave } from '../interleave.ts';
import { pair } from '../results.ts';
import { type DrainPlan, drainOnce, figureOf } from '../rig/drain.ts';
import { annotateJob } from '../rig/jobs.ts';
import { runLoopOnce } from '../rig/loop.ts';
import { ourWriter, peerWorker } from '../rig/programs.ts';
import { chosen } from './chosen.ts';

/** One transaction per job is slow enough for fewer jobs to tell its rate. */
const slowShare = 0.3;

const programs = {
  ours: ourWriter,
  'one-transaction': peerWorker('one-transaction'),
  nothing: peerWorker('nothing'),
};
type Contestant = keyof typeof programs;

function plan({ sizes }: Context, contestant: Contestant): DrainPlan {
  const share = contestant === 'one-transaction' ? slowShare : 1;
  let files: readonly FilledFile[] = Array.from({ length: sizes.fewFiles }, unknownFile);
  const makeJobs = (count: number) =>
    Array.from({ length: count }, (_, index) => annotateJob(index, fileAt(files, index)));
  const fill = async (folder: string): Promise<void> => {
    files = await fillStore(folder, sizes.fewFiles);
  };
  return {
    ...(contestant === 'ours' ? { furnish: fill } : {}),
    jobs: () => makeJobs(sizes.operations * share),
    warmUp: () => makeJobs(sizes.warmUp * share),
    program: programs[contestant],
  };
}

/** Peers keep metadata under any id. */
const unknownFile = (_: unknown, index: number): FilledFile => ({
  fileId: makeOperationId(),
  sessionId: `session-${index % 100}`,
});

function fileAt(files: readonly FilledFile[], index: number): FilledFile {
  const file = files[index % files.length];
  if (!file) throw new Error('expected files to annotate, got none');
  return file;
}

export const metadata: Case = {
  name: 'metadata',
  what: 'file-annotate jobs waiting in Redis: ours, plain BullMQ workers, SQLite alone',
  async run(context) {
    const { operations, warmUp, fewFiles } = context.sizes;
    const drain = (contestant: Contestant) => async () =>
      figureOf(await drainOnce(plan(context, contestant)));
    const loop = (name: 'sqlite-loop' | 'store-loop') => () =>
      runLoopOnce({
        loop: name,
        operation: 'file-annotate',
        operations,
        warmUp,
        files: fewFiles,
        furnish: async (folder) => void (await fillStore(folder, fewFiles)),
      });
    const figures = await interleave(context, {
      ours: drain('ours'),
      'one-transaction': drain('one-transaction'),
      nothing: drain('nothing'),
      'sqlite-loop': loop('sqlite-loop'),
      'store-loop': loop('store-loop'),
    });
    const note = `${operations} operations per run on ${fewFiles} files`;
    return [
      pair('metadata.one-transaction', figures.ours, figures['one-transaction'], note),
      pair('metadata.nothing', figures.ours, figures.nothing, note),
      pair('metadata.sqlite-loop', figures.ours, figures['sqlite-loop'], note),
      pair('metadata.store-loop', figures.ours, figures['store-loop'], note),
    ];
  },
  async profile(context, contestant, change) {
    const planned = plan(context, chosen(programs, contestant));
    return await drainOnce({ ...planned, program: (place) => change(planned.program(place)) });
  },
};
