// What a test run used or measured: `npm test` prints these lines at its end.

import { appendFileSync } from 'node:fs';

/** @param fact one line, the same from every test that says the same. */
export function usedHere(fact: string): void {
  const file = process.env.FILEFLEET_TEST_FACTS_FILE;
  if (file) appendFileSync(file, `${fact}\n`);
}
