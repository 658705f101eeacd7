// Who is this? Names and passwords against the configured users. A wrong name costs as much time as a wrong password,
// and what was verified once is remembered for a while, so that a script does not pay scrypt for each request.

import { createHmac, randomBytes } from 'node:crypto';
import { type DashboardUser, type PasswordHash, type Role, verifyPassword } from '@filefleet/config';
import { LRUCache } from 'lru-cache';
import pLimit from 'p-limit';

export interface Person {
  readonly name: string;
  readonly role: Role;
}

/** Verifications at the same time; each takes a thread and tens of megabytes. */
const verifyConcurrency = 2;
/** Verifications that may wait; beyond that somebody is flooding us. */
const verifyQueueLimit = 32;
const rememberMs = 5 * 60_000;
const rememberCount = 1_000;
const passwordMaxBytes = 1_024;

export class Accounts {
  readonly #users: ReadonlyMap<string, DashboardUser>;
  readonly #decoy: PasswordHash;
  readonly #limit = pLimit(verifyConcurrency);
  readonly #memoryKey = randomBytes(32);
  readonly #verified: LRUCache<string, string>;
  readonly #compare: typeof verifyPassword;

  /**
   * @param now wall clock in milliseconds.
   * @param compare a password with a hash; tests count what it is asked.
   */
  constructor(users: readonly DashboardUser[], now: () => number, compare = verifyPassword) {
    this.#compare = compare;
    this.#users = new Map(users.map((user) => [user.name, user]));
    this.#decoy = decoyOf(users);
    this.#verified = new LRUCache({ max: rememberCount, ttl: rememberMs, ttlResolution: 0, perf: { now } });
  }

  get size(): number {
    return this.#users.size;
  }

  /** The person of this name, as the configuration has them now. */
  find(name: string): Person | undefined {
    const user = this.#users.get(name);
    return user && { name: user.name, role: user.role };
  }

  /** Checks a name and a password, at full cost whatever the outcome. `busy`: too many are waiting already. */
  async verify(name: string, password: string): Promise<Person | undefined | 'busy'> {
    if (Buffer.byteLength(password) > passwordMaxBytes) return undefined;
    if (this.#limit.pendingCount >= verifyQueueLimit) return 'busy';
    const user = this.#users.get(name);
    const matches = await this.#limit(() => this.#compare(password, user?.password ?? this.#decoy));
    if (!user || !matches) return undefined;
    this.#verified.set(this.#memoryOf(name, password), name);
    return this.find(name);
  }

  /** The person of a pair that was verified lately, without the cost. */
  recall(name: string, password: string): Person | undefined {
    const known = this.#verified.get(this.#memoryOf(name, password));
    return known === undefined ? undefined : this.find(known);
  }

  /** Passwords themselves are never kept. */
  #memoryOf(name: string, password: string): string {
    return createHmac('sha256', this.#memoryKey).update(`${name}\0${password}`).digest('base64');
  }
}

/** A hash that nothing matches, as costly as the costliest real one. */
function decoyOf(users: readonly DashboardUser[]): PasswordHash {
  const work = ({ cost, blockSize, parallelism }: PasswordHash) => cost * blockSize * parallelism;
  const costliest = users.map((user) => user.password).toSorted((a, b) => work(b) - work(a))[0];
  const { cost = 2 ** 15, blockSize = 8, parallelism = 1 } = costliest ?? {};
  return { cost, blockSize, parallelism, salt: randomBytes(16), hash: randomBytes(32) };
}
