// Keeps the index of names and metadata close behind the stores, at a small part of the commit thread's time while there are any.

import type { MaintenanceDesk } from '@filefleet/store';
import type { Slices } from './slices.ts';
import type { Step, Task } from './task.ts';

/** Between two runs, in milliseconds: searches walk over what comes meanwhile. */
const everyMs = 5_000;
/** A run ends after this time, in milliseconds, so that tasks of a lower rank get their turn while a million files are taken in. */
const runMs = 30_000;
/** Under load, the pause after a slice is so many times as long as the slice was: stores have nine tenths of the thread. */
const pauseFactor = 9;

export interface SearchTaskOptions {
  readonly desk: Pick<MaintenanceDesk, 'isSearchBehind'>;
  readonly slices: Pick<Slices, 'run'>;
  /** Waits while operations are under way, this long at most. @throws Stopping */
  readonly pause: (ms: number) => Promise<unknown>;
}

export function searchTask({ desk, slices, pause }: SearchTaskOptions): Task {
  let startedAt: number | undefined;
  const step = async (): Promise<Step> => {
    const now = performance.now();
    startedAt ??= now;
    if (now - startedAt > runMs || !desk.isSearchBehind()) {
      startedAt = undefined;
      return { more: false, rows: 0 };
    }
    const { rows } = await slices.run({ kind: 'search' });
    await pause(pauseFactor * (performance.now() - now));
    return { more: true, rows };
  };
  return { name: 'search', everyMs, isNoted: false, isQuiet: true, decidesByAge: false, step };
}
