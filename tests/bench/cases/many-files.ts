// What a million files change: the rate of 4 KiB stores, a session's page, the time to open.

import { openReader } from '@filefleet/store';
import type { Case, Context } from '../case.ts';
import { type FilledFile, fillStore } from '../fixture/fill.ts';
import { interleave } from '../interleave.ts';
import { type Figure, pair, quantile, type Series } from '../results.ts';
import { drainIn, figureOf } from '../rig/drain.ts';
import { figuresOf } from '../rig/figures.ts';
import { withFolder } from '../rig/folder.ts';
import { storeJob } from '../rig/jobs.ts';
import { ourWriter } from '../rig/programs.ts';

const pageSize = 50;

async function storeRate({ sizes }: Context, folder: string): Promise<Figure> {
  const makeJobs = (count: number) => Array.from({ length: count }, (_, index) => storeJob(index, 4_096));
  const drained = await drainIn(folder, {
    jobs: () => makeJobs(sizes.operations),
    warmUp: () => makeJobs(sizes.warmUp),
    program: ourWriter,
  });
  return figureOf(drained);
}

/** Milliseconds of each of many first pages, of sessions all over the database. */
function timePages(folder: string, files: readonly FilledFile[], pages: number): number[] {
  const reader = openReader({ dataDir: folder });
  try {
    return Array.from({ length: pages }, (_, index) => {
      const sessionId = files[Math.floor((index * files.length) / pages)]?.sessionId ?? '';
      const startedAt = performance.now();
      const page = reader.listSessionFiles(sessionId, { limit: pageSize });
      const milliseconds = performance.now() - startedAt;
      if (page.files.length !== pageSize)
        throw new Error(`expected a full page, got ${page.files.length} files`);
      return milliseconds;
    });
  } finally {
    reader.close();
  }
}

export async function timeOpening(folder: string): Promise<Figure> {
  const figures = await figuresOf({
    script: 'tests/bench/peers/open-store.ts',
    env: { BENCH_FOLDER: folder },
  });
  return { value: Number(figures.milliseconds) };
}

async function measure(context: Context, folders: { many: string; few: string }): Promise<Series[]> {
  const { sizes, say } = context;
  say(`filling a database with ${sizes.manyFiles} files`);
  const files = await fillStore(folders.many, sizes.manyFiles);
  await fillStore(folders.few, sizes.fewFiles);
  const opened = await interleave(context, { ours: () => timeOpening(folders.many) });
  const paged = await interleave<'ours', number[]>(context, {
    ours: async () => timePages(folders.many, files, sizes.pages),
  });
  const rates = await interleave(context, {
    many: () => storeRate(context, folders.many),
    few: () => storeRate(context, folders.few),
  });
  const note = `${sizes.manyFiles} files; ${sizes.fewFiles} in the smaller database`;
  const pageRuns = (share: number) =>
    paged.ours.map((times) => ({ ours: quantile(times, share), peer: null }));
  return [
    pair('many-files.rate', rates.many, rates.few, note),
    { name: 'many-files.page', runs: pageRuns(0.5), note },
    { name: 'many-files.page-p99', runs: pageRuns(0.99), note },
    pair('many-files.open', opened.ours, [], note),
  ];
}

export const manyFiles: Case = {
  name: 'many-files',
  what: 'with 1,000,000 files in the database: rate of 4 KiB stores, a page, opening',
  run: (context) => withFolder((many) => withFolder((few) => measure(context, { many, few }))),
};
