// Many readers at once: how many answers the dashboard gives in a second, how long the last ones wait, what it holds in memory
// meanwhile. Any answer but a whole 200 ends the run.

import { randomBytes } from 'node:crypto';
import { ContentDesk, WriterSession } from '@filefleet/store';
import { idOf, sha256, storeEntry } from '../../support/operations.ts';
import type { Case, Context } from '../case.ts';
import { type FilledFile, fillStore } from '../fixture/fill.ts';
import { interleave } from '../interleave.ts';
import { type Figure, pair, quantile, type Series } from '../results.ts';
import { withFolder } from '../rig/folder.ts';
import { peakMemoryMiB, restMemoryMiB } from '../rig/memory.ts';
import type { RunningProcess } from '../rig/processes.ts';
import { processorSeconds } from '../rig/processor-time.ts';
import { type Read, readThrough, spread, type Wanted, withDashboard } from '../rig/reading.ts';

const largeBytes = 2_000_000;
/** Different contents of that size: more than one, and no more than the system keeps in memory. */
const largeContents = 20;
/** Who takes large contents; the dashboard gives out 64 at once. */
const takers = 100;

/** Six pages for every two files and two contents. */
function readsOf(files: readonly FilledFile[], count: number): Wanted {
  return spread(files, count).map(({ fileId, sessionId }, index) => {
    if (index % 10 < 6) return { group: 'read', path: `/sessions/${sessionId}/files?limit=50` };
    return { group: 'read', path: index % 10 < 8 ? `/files/${fileId}` : `/files/${fileId}/content` };
  });
}

/** Stores contents that are files of their own, as the writer does. @returns their ids. */
async function addLargeFiles(dataDir: string): Promise<string[]> {
  const session = await WriterSession.open({ dataDir });
  try {
    const desk = new ContentDesk(dataDir, session.epoch);
    const made: string[] = [];
    for (let index = 0; index < largeContents; index++) {
      const bytes = randomBytes(largeBytes);
      const draft = await desk.beginBlob();
      await draft.write(bytes);
      const name = await draft.keep(sha256(bytes));
      const fields = {
        sessionId: 'large',
        filename: `${index}.bin`,
        digest: sha256(bytes),
        size: bytes.length,
      };
      const content = { kind: 'file', name, mimeType: null } as const;
      const entry = storeEntry('', { ...fields, content: { from: 'staged', chunks: 8 } }, { content });
      session.apply([entry]);
      made.push(idOf(entry));
    }
    return made;
  } finally {
    session.close();
  }
}

interface Taken {
  readonly many: Figure;
  readonly alone: Figure;
  readonly p99: Figure;
  readonly memory: Figure;
  readonly contents: Figure;
  readonly contentsAlone: Figure;
}

/** The rate of one reading, and what each answer cost the dashboard. */
async function timed(
  dashboard: RunningProcess,
  readers: number,
  wanted: Wanted,
): Promise<{ figure: Figure; times: Read['times'] }> {
  const seconds = () => processorSeconds(dashboard.pid) ?? Number.NaN;
  const before = seconds();
  const warmUp = Math.min(readers, wanted.length);
  const { rate, times } = await readThrough(dashboard, { readers, wanted, warmUp });
  const processorUs = ((seconds() - before) * 1e6) / (wanted.length + warmUp);
  return { figure: { value: rate, processorUs }, times };
}

function take(
  { sizes }: Context,
  folder: string,
  files: readonly FilledFile[],
  large: string[],
): Promise<Taken> {
  return withDashboard(folder, async (dashboard) => {
    const few = readsOf(files, Math.ceil(sizes.reads / 10));
    await readThrough(dashboard, { readers: 1, wanted: few, warmUp: 1 }); // compiles what the others use
    const alone = await timed(dashboard, 1, few);
    const restMiB = restMemoryMiB(dashboard.pid);
    const many = await timed(dashboard, sizes.readers, readsOf(files, sizes.reads));
    const memoryMiB = peakMemoryMiB(dashboard.pid) - restMiB;
    const wanted = spread(large, sizes.contents).map((fileId) => ({
      group: 'content',
      path: `/files/${fileId}/content`,
    }));
    const contentsAlone = await timed(dashboard, 1, wanted.slice(0, Math.ceil(wanted.length / 10)));
    const contents = await timed(dashboard, takers, wanted);
    return {
      many: many.figure,
      alone: alone.figure,
      p99: { value: quantile(many.times.read ?? [], 0.99) },
      memory: { value: memoryMiB },
      contents: contents.figure,
      contentsAlone: contentsAlone.figure,
    };
  });
}

async function measure(context: Context, folder: string): Promise<Series[]> {
  const { sizes, say } = context;
  say(`filling a database with ${sizes.fewFiles} files`);
  const files = await fillStore(folder, sizes.fewFiles);
  const large = await addLargeFiles(folder);
  const { ours } = await interleave<'ours', Taken>(context, {
    ours: () => take(context, folder, files, large),
  });
  const figures = (name: keyof Taken) => ours.map((taken) => taken[name]);
  const note = `${sizes.readers} readers, ${sizes.reads} requests per run; ${sizes.fewFiles} files`;
  const contents = `${sizes.contents} contents per run`;
  return [
    pair('readers.rate', figures('many'), figures('alone'), note),
    pair('readers.p99', figures('p99'), [], note),
    pair('readers.memory', figures('memory'), [], note),
    pair('readers.contents', figures('contents'), figures('contentsAlone'), contents),
  ];
}

export const readers: Case = {
  name: 'readers',
  what: '1,000 readers at once over HTTP, and 100 that take contents of 2 MB',
  run: (context) => withFolder((folder) => measure(context, folder)),
};
