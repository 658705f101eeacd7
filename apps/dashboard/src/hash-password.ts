// `npm run -s hash-password -w apps/dashboard`: reads a password from standard input (one line, never an argument, which
// other users could see) and prints its hash for a list of users.

import { createInterface } from 'node:readline';
import { hashPassword } from '@filefleet/config';

if (process.stdin.isTTY) process.stderr.write('Password (shown as you type): ');
for await (const line of createInterface({ input: process.stdin })) {
  console.log(await hashPassword(line));
  break;
}
