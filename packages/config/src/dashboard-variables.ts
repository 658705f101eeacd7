// The variables of the dashboard: where it listens, where it writes, who may come in.

import { z } from 'zod';
import { entriesOfVariable } from './access-list.ts';
import { path, wholeNumber } from './checks.ts';
import { parseDashboardTokens } from './dashboard-tokens.ts';
import { parseDashboardUsers } from './dashboard-users.ts';
import { defaults } from './defaults.ts';
import type { VariableFacts } from './variable-facts.ts';

export const dashboardVariables = {
  FILEFLEET_DASHBOARD_DIR: path,
  FILEFLEET_DASHBOARD_HOST: z.string().regex(/^[A-Za-z0-9.:_-]{1,253}$/),
  FILEFLEET_DASHBOARD_PORT: wholeNumber(0, 65_535),
  FILEFLEET_DASHBOARD_ONE_TIME_PASSWORD: z.enum(['yes', 'no']).transform((answer) => answer === 'yes'),
  FILEFLEET_DASHBOARD_USERS: z.string().transform((text, context) => {
    const users = parseDashboardUsers(entriesOfVariable(text));
    if (!('problem' in users)) return users;
    context.addIssue({ code: 'custom', message: users.problem, params: { says: true } });
    return z.NEVER;
  }),
  FILEFLEET_DASHBOARD_USERS_FILE: path,
  FILEFLEET_DASHBOARD_TOKENS: z.string().transform((text, context) => {
    const tokens = parseDashboardTokens(entriesOfVariable(text));
    if (!('problem' in tokens)) return tokens;
    context.addIssue({ code: 'custom', message: tokens.problem, params: { says: true } });
    return z.NEVER;
  }),
  FILEFLEET_DASHBOARD_TOKENS_FILE: path,
  FILEFLEET_DASHBOARD_SECRET: z.string().min(32),
};

export const dashboardFacts: Readonly<Record<keyof typeof dashboardVariables, VariableFacts>> = {
  FILEFLEET_DASHBOARD_DIR: {
    what: 'Folder in which the dashboard remembers its figures of the past; without one it remembers them until it ends.',
    noun: 'the folder of the dashboard',
    wish: 'a path',
    advice: 'name a folder that the dashboard may write to',
    byDefault: 'dashboard in the data folder',
  },
  FILEFLEET_DASHBOARD_HOST: {
    what: 'Address on which the dashboard listens. Anything but this machine needs FILEFLEET_DASHBOARD_USERS or its file.',
    noun: 'the host',
    wish: 'a host name or an IP address without port and brackets',
    advice: 'give it like 127.0.0.1 (this machine only) or 0.0.0.0 (everybody)',
    byDefault: defaults.dashboardHost,
  },
  FILEFLEET_DASHBOARD_PORT: {
    what: 'Port of the dashboard; 0 takes a free one.',
    noun: 'the port',
    wish: 'a whole number from 0 to 65535',
    advice: 'choose a free port',
    byDefault: String(defaults.dashboardPort),
  },
  FILEFLEET_DASHBOARD_ONE_TIME_PASSWORD: {
    what: 'Whether a dashboard on an address that others reach may start without users: with a password for this run, in its log.',
    noun: 'the answer',
    wish: 'yes or no',
    advice: 'say yes where only you can read its log, as in a container of your own',
    byDefault: 'no',
  },
  FILEFLEET_DASHBOARD_USERS: {
    what: 'Who may use the dashboard: `name:role:hash`, separated by commas; roles viewer, operator, admin.',
    noun: 'each user',
    wish: 'name:role:hash',
    advice: 'make the hash with: npm run -s hash-password -w apps/dashboard; double each $ in a compose file',
    byDefault: 'none: a password for this run is printed',
    secret: true,
  },
  FILEFLEET_DASHBOARD_USERS_FILE: {
    what: 'File with more users, one per line, `#` before comments; read again when it changes. No passwords are made then.',
    noun: 'the file of users',
    wish: 'a path',
    advice: 'name a file that the dashboard may read and others may not',
    byDefault: 'none',
  },
  FILEFLEET_DASHBOARD_TOKENS: {
    what: 'Which programs may use the API: `name:scope:hash` or `name:scope:hash:prefix of sessions`, separated by commas; scopes read, write.',
    noun: 'each token',
    wish: 'name:scope:hash',
    advice: 'make one with: npm run -s make-token -w apps/dashboard',
    byDefault: 'none: programs log in as users',
    secret: true,
  },
  FILEFLEET_DASHBOARD_TOKENS_FILE: {
    what: 'File with more tokens, one per line, `#` before comments; read again when it changes.',
    noun: 'the file of tokens',
    wish: 'a path',
    advice: 'name a file that the dashboard may read and others may not',
    byDefault: 'none',
  },
  FILEFLEET_DASHBOARD_SECRET: {
    what: 'Signs the cookies of the dashboard. Sessions end when it restarts, with or without it.',
    noun: 'the secret',
    wish: 'at least 32 characters long',
    advice: 'make one with: openssl rand -base64 48',
    byDefault: 'random at each start',
    secret: true,
  },
};
