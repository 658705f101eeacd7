// Programs that may use the dashboard's API, as FILEFLEET_DASHBOARD_TOKENS names them: `name:scope:hash` or
// `name:scope:hash:prefix of sessions`, separated by commas. The hash is SHA-256 of a token of 256 random bits, which nobody
// can guess, so no costly hash is needed.

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
 * @returns the tokens, or what is wrong with the first bad entry, as "..., got ..." without any hash in it.
 */
export function parseDashboardTokens(text: string): readonly DashboardToken[] | { readonly problem: string } {
  const tokens: DashboardToken[] = [];
  for (const [index, entry] of text.split(',').entries()) {
    const number = index + 1;
    const [name = '', scope = '', hash = '', ...rest] = entry.trim().split(':');
    if (!namePattern.test(name)) {
      return {
        problem: `name:scope:hash, with a name of letters, digits and . _ @ -, got another form in entry ${number}`,
      };
    }
    if (!isScope(scope)) {
      return { problem: `name:scope:hash with the scope read or write, got another scope for ${name}` };
    }
    if (!hashPattern.test(hash)) {
      return {
        problem: `name:scope:hash with a hash of 64 lower-case hex digits, got something else for ${name}`,
      };
    }
    // An empty prefix would be one that somebody forgot, and would open all sessions.
    const sessionPrefix = rest.length === 0 ? undefined : rest.join(':');
    if (sessionPrefix === '') {
      return {
        problem: `name:scope:hash:prefix with a prefix that is not empty, got an empty one for ${name}`,
      };
    }
    if (tokens.some((token) => token.name === name)) {
      return { problem: `a list of different names, got ${name} twice` };
    }
    tokens.push({ name, scope, hash: Buffer.from(hash, 'hex'), sessionPrefix });
  }
  return tokens;
}

function isScope(text: string): text is TokenScope {
  return (tokenScopes as readonly string[]).includes(text);
}
