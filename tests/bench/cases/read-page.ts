// How long one reader waits for a page over HTTP with a million files in the database: a session's page, a file, a search.

import type { Case, Context } from '../case.ts';
import { type FilledFile, fillStore } from '../fixture/fill.ts';
import { interleave } from '../interleave.ts';
import { quantile, type Run, type Series } from '../results.ts';
import { withFolder } from '../rig/folder.ts';
import { type Read, readThrough, spread, type Wanted, withDashboard } from '../rig/reading.ts';

const warmUp = 100;

/** In turns, so that one kind does not find the caches that another left. */
function wantedOf({ sizes }: Context, files: readonly FilledFile[]): Wanted {
  const pages = spread(files, sizes.pages).flatMap(({ fileId, sessionId }) => [
    { group: 'page', path: `/sessions/${sessionId}/files?limit=50` },
    { group: 'file', path: `/files/${fileId}` },
    { group: 'file', path: `/files/${fileId}/metadata` },
  ]);
  // The fixture names its files by their numbers: a whole name is in few of them.
  const searches = Array.from({ length: sizes.searches }, (_, index) => [
    {
      group: 'search',
      path: `/files?text=file-${Math.floor((index * files.length) / sizes.searches)}.txt&limit=50`,
    },
    { group: 'nothing', path: `/files?text=nothing-${index}&limit=50` },
  ]).flat();
  return [...pages, ...searches];
}

async function measure(context: Context, folder: string): Promise<Series[]> {
  const { sizes, say } = context;
  say(`filling a database with ${sizes.manyFiles} files`);
  const files = await fillStore(folder, sizes.manyFiles);
  const wanted = wantedOf(context, files);
  const { ours } = await interleave<'ours', Read>(context, {
    ours: () => withDashboard(folder, (dashboard) => readThrough(dashboard, { readers: 1, wanted, warmUp })),
  });
  const runs = (group: string, share: number): Run[] =>
    ours.map(({ times }) => ({ ours: quantile(times[group] ?? [], share), peer: null }));
  const pages = `${sizes.manyFiles} files, ${sizes.pages} pages per run, one after the other`;
  const searches = `${sizes.manyFiles} files, ${sizes.searches} searches per run, one page of each`;
  return [
    { name: 'read-page.page-p50', runs: runs('page', 0.5), note: pages },
    { name: 'read-page.page-p99', runs: runs('page', 0.99), note: pages },
    { name: 'read-page.file-p99', runs: runs('file', 0.99), note: pages },
    { name: 'read-page.search-p50', runs: runs('search', 0.5), note: searches },
    { name: 'read-page.search-p99', runs: runs('search', 0.99), note: searches },
    { name: 'read-page.nothing-p99', runs: runs('nothing', 0.99), note: searches },
  ];
}

export const readPage: Case = {
  name: 'read-page',
  what: 'with 1,000,000 files in the database: pages, files and searches over HTTP',
  run: (context) => withFolder((folder) => measure(context, folder)),
};
