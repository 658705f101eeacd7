// Programs that may use the dashboard's API, as FILEFLEET_DASHBOARD_TOKENS and its file name them: `name:scope:hash` or
// `name:scope:hash:prefix of sessions`. The hash is SHA-256 of a token of 256 random bits, which nobody can guess, so no
// costly hash is needed.

import { type ListEntry, type ListProblem, readList } from './access-list.ts';

/** `read` looks; `write` also brings files. */
export const tokenScopes = Object.freeze(['read', 'write'] as const);
export type TokenScope = (typeof tokenScopes)[number];

export interface DashboardToken {
  readonly name: string;
  readonly scope: TokenScope;
  /** SHA-256 of the token's text: 32 bytes. */
  readonly hash: Buffer;
  /** Sessions whose id begins like this, and no others; undefined: all. */
  readonly sessionPrefix: string | undefined;
}

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;
const hashPattern = /^[0-9a-f]{64}$/;

/**
 * Reads the whole list.
 * @param taken names that stand elsewhere already.
 */
export function parseDashboardTokens(
  entries: readonly ListEntry[],
  taken: readonly string[] = [],
): readonly DashboardToken[] | ListProblem {
  return readList(entries, parseToken, taken);
}

function parseToken(text: string): DashboardToken | string {
  const [name = '', scope = '', hash = '', ...rest] = text.split(':');
  if (!namePattern.test(name)) {
    return 'name:scope:hash, with a name of letters, digits and . _ @ -, got another form';
  }
  if (!isScope(scope)) return 'name:scope:hash with the scope read or write, got another scope';
  if (!hashPattern.test(hash)) {
    return 'name:scope:hash with a hash of 64 lower-case hex digits, got something else';
  }
  // An empty prefix would be one that somebody forgot, and would open all sessions.
  const sessionPrefix = rest.length === 0 ? undefined : rest.join(':');
  if (sessionPrefix === '') {
    return 'name:scope:hash:prefix with a prefix that is not empty, got an empty one';
  }
  return { name, scope, hash: Buffer.from(hash, 'hex'), sessionPrefix };
}

function isScope(text: string): text is TokenScope {
  return (tokenScopes as readonly string[]).includes(text);
}
