// Runs one contestant of a case under Node's profiler and says where its time went, thread by thread. A profiled run is
// slower than a measured one; its shares are what counts.

import Table from 'cli-table3';
import type { Case, Context } from '../case.ts';
import type { Drained } from '../rig/drain.ts';
import { withFolder } from '../rig/folder.ts';
import { readProfiles, type SelfTime, type ThreadProfile } from './cpu-profile.ts';

const samplingUs = 500;
const functionsShown = 30;
/** Threads that hardly did anything in the window are left out. */
const busyShare = 0.005;

/** @returns the profile as text. @throws Error when the case has nothing to profile. */
export async function profileCase(profiled: Case, contestant: string, context: Context): Promise<string> {
  if (!profiled.profile) throw new Error(`expected a case with a worker to profile, got ${profiled.name}`);
  const { profile } = profiled;
  return await withFolder(async (folder) => {
    const nodeArgs = ['--cpu-prof', `--cpu-prof-dir=${folder}`, `--cpu-prof-interval=${samplingUs}`];
    context.say(`${profiled.name}: ${contestant} under the profiler`);
    const drained = await profile(context, contestant, (program) => ({ ...program, nodeArgs }));
    const threads = (await readProfiles(folder, drained.window)).filter(isBusy);
    return [
      headline(profiled.name, contestant, drained),
      ...threads.map((thread) => describe(thread, drained)),
    ].join('\n\n');
  });
}

const isBusy = ({ groups, sampled }: ThreadProfile): boolean =>
  sampled - timeOf(groups, 'idle') > sampled * busyShare;

function headline(name: string, contestant: string, drained: Drained): string {
  const { rate, window, processors, commits } = drained;
  const seconds = (window.toUs - window.fromUs) / 1e6;
  const { worker, redis, others } = processors;
  const groups =
    commits > 0 ? `\ngroups: ${commits}, of ${Math.round((rate * seconds) / commits)} operations each` : '';
  const each = (cores: number): string =>
    `${cores.toFixed(2)} (${Math.round((cores / rate) * 1e6)} us per operation)`;
  return (
    `${name}, ${contestant}: ${Math.round(rate)} operations/s under the profiler, ${seconds.toFixed(2)} s\n` +
    `processors used: process with all threads ${each(worker)}, Redis ${each(redis)}, everybody else ${others.toFixed(2)}${groups}`
  );
}

function describe({ thread, groups, functions, sampled }: ThreadProfile, { window }: Drained): string {
  const wall = window.toUs - window.fromUs;
  const share = (microseconds: number): string => `${((microseconds / wall) * 100).toFixed(1)} %`;
  const unnamed = timeOf(groups, 'outside of JavaScript');
  const idle = timeOf(groups, 'idle');
  const lines = [
    `== ${thread}: ${share(sampled - unnamed)} of the wall time accounted for (idle ${share(idle)}, ` +
      `outside of JavaScript ${share(unnamed)}, not sampled ${share(wall - sampled)})`,
    listing('group', groups, share),
    listing('function, by self time', functions.filter(isCode).slice(0, functionsShown), share),
  ];
  return lines.join('\n');
}

const isCode = ({ name }: SelfTime): boolean =>
  !['(idle)', '(program)', '(garbage collector)', '(root)'].includes(name);

function listing(title: string, times: readonly SelfTime[], share: (microseconds: number) => string): string {
  const table = new Table({
    head: [title, 'self', 'share of wall'],
    colAligns: ['left', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  });
  for (const { name, microseconds } of times)
    table.push([name, `${Math.round(microseconds / 1000)} ms`, share(microseconds)]);
  return table.toString();
}

const timeOf = (times: readonly SelfTime[], name: string): number =>
  times.find((time) => time.name === name)?.microseconds ?? 0;
