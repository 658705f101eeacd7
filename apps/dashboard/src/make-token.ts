// `npm run -s make-token -w apps/dashboard -- <name> [read|write] [prefix of sessions]`: prints a new token, once, and what
// FILEFLEET_DASHBOARD_TOKENS has to name for it.

import { hash, randomBytes } from 'node:crypto';
import { parseDashboardTokens } from '@filefleet/config';

const [name = '', scope = 'read', prefix] = process.argv.slice(2);
const token = `fft_${randomBytes(32).toString('base64url')}`;
const entry = [name, scope, hash('sha256', token), ...(prefix === undefined ? [] : [prefix])].join(':');
const parsed = parseDashboardTokens(entry);
if ('problem' in parsed) {
  console.error(`expected ${parsed.problem}; type: make-token -- <name> [read|write] [prefix of sessions]`);
  process.exit(64);
}
console.log(`token: ${token}\nentry: ${entry}`);
