// The daily walk for files without a row: one folder of 256 at a step. What it finds goes only if the writer's turn finds no row either.

import type { Clock, MaintenanceDesk } from '@filefleet/store';
import type { Slices } from './slices.ts';
import type { Step, Task } from './task.ts';

const dayMs = 24 * 3_600_000;
/** A younger file may be on its way to its row, in milliseconds. */
const untouchedMs = dayMs;
/** Names in one slice. */
const namesAtOnce = 200;

export interface OrphansOptions {
  readonly desk: Pick<MaintenanceDesk, 'folders' | 'unnamedIn'>;
  readonly slices: Pick<Slices, 'run'>;
  readonly clock: Clock;
}

export function orphansTask({ desk, slices, clock }: OrphansOptions): Task {
  let at = 0;
  let found: string[] = [];
  let files = 0;

  const remove = async (): Promise<number> => {
    const { swept } = await slices.run({ kind: 'orphans', names: found.slice(0, namesAtOnce) });
    found = found.slice(namesAtOnce);
    return swept.length;
  };

  const step = async (): Promise<Step> => {
    const folder = desk.folders[at];
    let rows = 0;
    if (found.length === 0 && folder !== undefined) {
      found = await desk.unnamedIn(folder, clock.nowMs() - untouchedMs);
      at += 1;
    }
    if (found.length > 0) rows = await remove();
    files += rows;
    const more = found.length > 0 || at < desk.folders.length;
    if (more) return { more, rows };
    const result = { files };
    [at, files] = [0, 0];
    return { more, rows, result };
  };
  return { name: 'orphans', everyMs: dayMs, isNoted: true, decidesByAge: true, step };
}
