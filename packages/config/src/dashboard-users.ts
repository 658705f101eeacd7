// People and scripts that may use the dashboard, as FILEFLEET_DASHBOARD_USERS and its file name them: `name:role:hash`.
// Only the text form lives here; hashing and verifying are in password.ts.

import { type ListEntry, type ListProblem, readList } from './access-list.ts';

/** From least to most: a viewer looks, an operator acts on queues and files, an admin does everything. */
export const roles = Object.freeze(['viewer', 'operator', 'admin'] as const);
export type Role = (typeof roles)[number];

/** A scrypt hash in parts. Its text is `scrypt$N$r$p$salt$hash`, salt and hash in base64url. */
export interface PasswordHash {
  /** CPU and memory cost; a power of two. One verification needs 128 * cost * blockSize bytes. */
  readonly cost: number;
  readonly blockSize: number;
  readonly parallelism: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

export interface DashboardUser {
  readonly name: string;
  readonly role: Role;
  readonly password: PasswordHash;
}

/** Costs that one verification may have: below the first a stolen hash is cheap to guess, above it a login hurts us. */
export const passwordCost = Object.freeze({ min: 2 ** 14, max: 2 ** 18 });

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;
const hashPattern = /^scrypt\$(\d{1,7})\$(\d{1,2})\$(\d{1,2})\$([A-Za-z0-9_-]+)\$([A-Za-z0-9_-]+)$/;

/**
 * Reads `scrypt$N$r$p$salt$hash`.
 * @returns undefined when the text is not such a hash, or has costs that are too low or too high to be sensible.
 */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const match = hashPattern.exec(text);
  if (!match) return undefined;
  const [cost, blockSize, parallelism] = match.slice(1, 4).map(Number);
  const [salt, hash] = match.slice(4, 6).map((part) => Buffer.from(part, 'base64url'));
  if (!cost || !blockSize || !parallelism || !salt || !hash) return undefined;
  const sensible =
    Number.isInteger(Math.log2(cost)) &&
    cost >= passwordCost.min &&
    cost <= passwordCost.max &&
    blockSize >= 8 &&
    blockSize <= 16 &&
    parallelism <= 8 &&
    salt.length >= 16 &&
    hash.length >= 32 &&
    hash.length <= 64;
  return sensible ? { cost, blockSize, parallelism, salt, hash } : undefined;
}

/** The text of a hash, as FILEFLEET_DASHBOARD_USERS takes it. */
export function formatPasswordHash({ cost, blockSize, parallelism, salt, hash }: PasswordHash): string {
  const bytes = [salt, hash].map((part) => part.toString('base64url'));
  return ['scrypt', cost, blockSize, parallelism, ...bytes].join('$');
}

/**
 * Reads the whole list.
 * @param taken names that stand elsewhere already.
 */
export function parseDashboardUsers(
  entries: readonly ListEntry[],
  taken: readonly string[] = [],
): readonly DashboardUser[] | ListProblem {
  return readList(entries, parseUser, taken);
}

function parseUser(text: string): DashboardUser | string {
  const [name = '', role = '', hash = '', ...rest] = text.split(':');
  if (!namePattern.test(name) || rest.length > 0 || hash === '') {
    return 'name:role:hash, with a name of letters, digits and . _ @ -, got another form';
  }
  if (!isRole(role)) return 'name:role:hash with the role viewer, operator or admin, got another role';
  const password = parsePasswordHash(hash);
  if (!password) {
    return 'name:role:hash with a hash scrypt$N$r$p$salt$hash, dollar signs and all, got something else';
  }
  return { name, role, password };
}

function isRole(text: string): text is Role {
  return (roles as readonly string[]).includes(text);
}
