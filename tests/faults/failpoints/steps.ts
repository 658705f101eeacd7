// The named steps of the pipeline, in its order, and when a writer passes each for the first time.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Step {
  readonly name: string;
  /** `start`: on its way to being ready; `work`: with operations under way; `stop`: after SIGTERM. */
  readonly passedAt: 'start' | 'work' | 'stop';
  /** Of several passings the one to die at: the first is not always the interesting one. */
  readonly nth?: number;
}

export const steps: readonly Step[] = [
  { name: 'start.locked', passedAt: 'start' },
  { name: 'start.opened', passedAt: 'start' },
  { name: 'reclaim.before', passedAt: 'start' },
  { name: 'reclaim.after', passedAt: 'start' },
  { name: 'intake.taken', passedAt: 'work', nth: 7 },
  { name: 'content.begun', passedAt: 'work' },
  { name: 'content.written', passedAt: 'work' },
  { name: 'content.kept', passedAt: 'work' },
  { name: 'commit.begun', passedAt: 'work' },
  { name: 'commit.entry:large', passedAt: 'work' },
  { name: 'commit.applied', passedAt: 'work' },
  { name: 'commit.done', passedAt: 'work' },
  { name: 'receipts.before', passedAt: 'work', nth: 3 },
  { name: 'receipts.told', passedAt: 'work', nth: 3 },
  { name: 'stop.begun', passedAt: 'stop' },
  { name: 'stop.closing', passedAt: 'stop' },
];

/** Steps of slices of maintenance and of what follows them; killed at in tests/faults/maintenance. */
export const maintenanceSteps: readonly Pick<Step, 'name' | 'nth'>[] = [
  { name: 'slice.begun:retention', nth: 2 },
  { name: 'slice.done:retention' },
  { name: 'slice.committed:retention' },
  { name: 'slice.begun:sweep' },
  { name: 'slice.done:sweep' },
  { name: 'slice.committed:sweep' },
  { name: 'sweep.committed' },
  { name: 'sweep.unlinked' },
  { name: 'damage.marked' },
  { name: 'damage.moved' },
];

const rooms = ['apps/writer/src', 'packages/store/src'];
const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Names of the steps that the code really has, as its text says. `commit.entry` goes on with a filename. */
export function stepsInCode(): string[] {
  const texts = rooms.flatMap((room) =>
    readdirSync(join(root, room), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
      .map((name) => readFileSync(join(root, room, name), 'utf8')),
  );
  const named = texts.flatMap((text) => [...text.matchAll(/probe\?\.\(\s*['"`]([a-z]+\.[a-z]+)/g)]);
  return [...new Set(named.map(([, name]) => name ?? ''))].sort();
}
