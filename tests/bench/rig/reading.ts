// A dashboard over a folder, and readers that ask it over HTTP: programs of their own, as in production.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { figuresOf } from './figures.ts';
import { withFolder } from './folder.ts';
import { type RunningProcess, startProcess } from './processes.ts';
import { dashboardToken, ourDashboard } from './programs.ts';
import { withBenchRedis } from './redis.ts';

/** What is asked for, by the group that its time belongs to: paths behind `/api/v1`. */
export type Wanted = readonly { readonly group: string; readonly path: string }[];

export interface Read {
  /** Requests per second. */
  readonly rate: number;
  /** Milliseconds of each request, by group. */
  readonly times: Readonly<Record<string, readonly number[]>>;
}

/** Gives the work a dashboard over a folder that is there. */
export function withDashboard<T>(
  folder: string,
  work: (dashboard: RunningProcess) => Promise<T>,
): Promise<T> {
  return withBenchRedis(async ({ url }) => {
    const dashboard = await startProcess(ourDashboard({ redisUrl: url, folder }));
    try {
      return await Promise.race([work(dashboard), dashboard.failed]);
    } finally {
      await dashboard.stop();
    }
  });
}

/** Asks for everything once, with so many readers at once; for the first of it also before the clock starts. */
export function readThrough(
  { ready }: RunningProcess,
  { readers, wanted, warmUp }: { readers: number; wanted: Wanted; warmUp: number },
): Promise<Read> {
  return withFolder(async (folder) => {
    const file = join(folder, 'wanted');
    await writeFile(file, wanted.map(({ group, path }) => `${group} ${path}`).join('\n'));
    const { rate, times } = await figuresOf({
      script: 'tests/bench/peers/reading-http.ts',
      env: {
        BENCH_URL: `${String(ready.url)}/api/v1`,
        BENCH_TOKEN: dashboardToken,
        BENCH_READERS: String(readers),
        BENCH_WANTED: file,
        BENCH_WARM_UP: String(warmUp),
      },
    });
    return { rate: Number(rate), times: times as Read['times'] };
  });
}

/** Items from all over a list, evenly. */
export function spread<Item>(items: readonly Item[], count: number): Item[] {
  return Array.from(
    { length: count },
    (_, index) => items[Math.floor((index * items.length) / count)] as Item,
  );
}
