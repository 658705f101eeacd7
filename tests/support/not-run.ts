// What a test run left out, and what it would need: `npm test` prints these lines at its end.

import { appendFileSync } from 'node:fs';

/** @param reason one line: what did not run, and what to install for it. */
export function notRun(reason: string): void {
  const file = process.env.FILEFLEET_NOT_RUN_FILE;
  if (file) appendFileSync(file, `${reason}\n`);
}
