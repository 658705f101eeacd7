// `npm run -s make-token -w apps/dashboard -- <name> [read|write] [prefix of sessions]`: prints a new token, once, and what
// FILEFLEET_DASHBOARD_TOKENS has to name for it; on stderr, how a fleet comes to take it.

import { hash, randomBytes } from 'node:crypto';
import { entriesOfVariable, parseDashboardTokens } from '@filefleet/config';

const form = 'npm run -s make-token -w apps/dashboard -- <name> [read|write] [prefix of sessions]';
const [name, scope = 'read', prefix] = process.argv.slice(2);
if (name === undefined || name.startsWith('-')) {
  console.error(
    `expected a name for the program that will have the token, got ${name ?? 'none'}; type: ${form}`,
  );
  process.exit(64);
}
const token = `fft_${randomBytes(32).toString('base64url')}`;
const entry = [name, scope, hash('sha256', token), ...(prefix === undefined ? [] : [prefix])].join(':');
const parsed = parseDashboardTokens(entriesOfVariable(entry));
if ('problem' in parsed) {
  console.error(`expected ${parsed.problem.replace(' in entry 1', '')}; type: ${form}`);
  process.exit(64);
}
console.log(`token: ${token}\nentry: ${entry}`);
// The entry is no secret; the token stays on stdout alone.
console.error(`
A fleet takes it at once when its entry is a line of the file that FILEFLEET_DASHBOARD_TOKENS_FILE names; without one, when
it is started with it; several have commas between them:
  FILEFLEET_DASHBOARD_TOKENS='${entry.replaceAll("'", "'\\''")}' npm start`);
