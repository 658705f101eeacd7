// What people who look cost the writer: its rate with so many live viewers, against the same dashboard with nobody before it, and
// against no dashboard at all.

import type { Case, Context } from '../case.ts';
import { interleave } from '../interleave.ts';
import { type Figure, pair } from '../results.ts';
import { drainOnce, figureOf, type Place } from '../rig/drain.ts';
import { storeJob } from '../rig/jobs.ts';
import { startProcess } from '../rig/processes.ts';
import { dashboardViewer, ourDashboard, ourWriter } from '../rig/programs.ts';

/** Where the dashboard tells what happens as it happens. */
const livePath = '/live';
const fileBytes = 4_096;

/** A dashboard, with so many that look. */
async function startViewed(place: Place, viewers: number): Promise<{ stop(): Promise<void> }> {
  const dashboard = await startProcess(ourDashboard(place));
  if (viewers === 0) return dashboard;
  try {
    const looking = await startProcess({
      script: 'tests/bench/peers/viewers.ts',
      env: {
        BENCH_URL: `${String(dashboard.ready.url)}${livePath}`,
        BENCH_AUTHORIZATION: dashboardViewer,
        BENCH_VIEWERS: String(viewers),
      },
      readyEvent: 'ready',
    });
    // First those who look: a stream that ends under them would be an error.
    return { stop: () => looking.stop().finally(() => dashboard.stop()) };
  } catch (error) {
    await dashboard.stop();
    throw error;
  }
}

async function rateWith({ sizes }: Context, viewers: number | undefined): Promise<Figure> {
  const jobs = (count: number) => Array.from({ length: count }, (_, index) => storeJob(index, fileBytes));
  const drained = await drainOnce({
    jobs: () => jobs(sizes.operations),
    warmUp: () => jobs(sizes.warmUp),
    program: ourWriter,
    ...(viewers !== undefined && { beside: (place: Place) => startViewed(place, viewers) }),
  });
  return figureOf(drained);
}

export const viewers: Case = {
  name: 'viewers',
  what: "the writer's rate with 20 live viewers of the dashboard, with none, and without a dashboard",
  async run(context) {
    const figures = await interleave(context, {
      viewed: () => rateWith(context, context.sizes.viewers),
      nobody: () => rateWith(context, 0),
      'no-dashboard': () => rateWith(context, undefined),
    });
    const note = `${context.sizes.operations} files per run, ${context.sizes.viewers} viewers`;
    return [
      pair('viewers.nobody', figures.viewed, figures.nobody, note),
      pair('viewers.no-dashboard', figures.viewed, figures['no-dashboard'], note),
    ];
  },
};
