// Some tests have a short form for `npm test`, which must stay short. FAULTS_FULL=1 runs them whole.

import { notRun } from './not-run.ts';

export const isFull = process.env.FAULTS_FULL === '1';

/**
 * All cases in the full form; else those that tell most, and the run says at its end how many it left out.
 * @param what names the tests in that line.
 */
export function casesOf<T>(what: string, all: readonly T[], telling: (one: T) => boolean): readonly T[] {
  if (isFull) return all;
  const chosen = all.filter(telling);
  notRun(
    `${what}: ${all.length - chosen.length} of ${all.length} cases; type \`FAULTS_FULL=1 npm run test:long\` and take your time`,
  );
  return chosen;
}
