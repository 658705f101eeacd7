// What the two loops without a queue have in common: they are told how many operations to run, and say how long it took.
// Groups are as large as the writer's.

import { sayDone, sayReady } from './figures.ts';
import { setting } from './worker.ts';

const groupSize = 256;

export interface LoopPlan<Item> {
  readonly make: (index: number) => Item;
  /** Commits the items together. */
  readonly commit: (items: readonly Item[]) => void;
}

/** Runs a warm-up and then the measured operations, which were all made before the clock starts. */
export function runLoop<Item>({ make, commit }: LoopPlan<Item>): void {
  const warmUp = Number(setting('BENCH_WARM_UP'));
  const operations = Number(setting('BENCH_OPERATIONS'));
  const items = Array.from({ length: warmUp + operations }, (_, index) => make(index));
  commitInGroups(items.slice(0, warmUp), commit);
  sayReady();
  const startedAt = performance.now();
  const before = process.cpuUsage();
  commitInGroups(items.slice(warmUp), commit);
  const seconds = (performance.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(before);
  sayDone({ rate: operations / seconds, processorUs: (user + system) / operations });
}

function commitInGroups<Item>(items: readonly Item[], commit: (items: readonly Item[]) => void): void {
  for (let from = 0; from < items.length; from += groupSize) commit(items.slice(from, from + groupSize));
}
