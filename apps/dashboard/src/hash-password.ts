// `npm run -s hash-password -w apps/dashboard`: reads a password from standard input (one line, never an argument, which
// other users could see) and prints its hash for a list of users; on stderr, where it goes.

import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { hashPassword } from '@filefleet/config';

if (process.stdin.isTTY) process.stderr.write('Password (shown as you type): ');
const input = createInterface({ input: process.stdin });
const [password] = await Promise.race([once(input, 'line'), once(input, 'close')]);
input.close();
if (!password) {
  console.error('expected a password as one line on standard input, got none; type it, or pipe it in');
  process.exit(64);
}
console.log(await hashPassword(password));
console.error(
  "It goes into FILEFLEET_DASHBOARD_USERS='<name>:<viewer|operator|admin>:<hash>', or, as a line without quotes, into its file.",
);
