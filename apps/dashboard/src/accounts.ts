// Who is this? Names and passwords against the users in force. A wrong name costs as much time as a wrong password,
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

/** What is known of a name. */
interface Account {
  readonly user: DashboardUser;
  /** One object for as long as nothing about the user changes: who holds another one has to log in again. */
  readonly person: Person;
}

export class Accounts {
  #accounts: ReadonlyMap<string, Account> = new Map();
  #decoy: PasswordHash = decoyOf([]);
  readonly #limit = pLimit(verifyConcurrency);
  readonly #memoryKey = randomBytes(32);
  readonly #verified: LRUCache<string, Person>;
  readonly #compare: typeof verifyPassword;

  /**
   * @param now wall clock in milliseconds.
   * @param compare a password with a hash; tests count what it is asked.
   */
  constructor(users: readonly DashboardUser[], now: () => number, compare = verifyPassword) {
    this.#compare = compare;
    this.#verified = new LRUCache({ max: rememberCount, ttl: rememberMs, ttlResolution: 0, perf: { now } });
    this.replace(users);
  }

  get size(): number {
    return this.#accounts.size;
  }

  /** From now on these and no others. A user who is the same object as before stays who they are. */
  replace(users: readonly DashboardUser[]): void {
    const before = this.#accounts;
    this.#accounts = new Map(
      users.map((user) => {
        const known = before.get(user.name);
        const account = known?.user === user ? known : { user, person: { name: user.name, role: user.role } };
        return [user.name, account];
      }),
    );
    this.#decoy = decoyOf(users);
    this.#verified.clear();
  }

  /** Whether somebody who got in may stay: nothing about them has changed since. */
  isCurrent(person: Pick<Person, 'name'>): boolean {
    return this.#accounts.get(person.name)?.person === person;
  }

  /** Checks a name and a password, at full cost whatever the outcome. `busy`: too many are waiting already. */
  async verify(name: string, password: string): Promise<Person | undefined | 'busy'> {
    if (Buffer.byteLength(password) > passwordMaxBytes) return undefined;
    if (this.#limit.pendingCount >= verifyQueueLimit) return 'busy';
    const account = this.#accounts.get(name);
    const expected = account?.user.password ?? this.#decoy;
    const matches = await this.#limit(() => this.#compare(password, expected));
    // The comparison took its time; they may be gone, or have another password.
    if (!matches || !account || !this.isCurrent(account.person)) return undefined;
    this.#verified.set(this.#memoryOf(name, password), account.person);
    return account.person;
  }

  /** The person of a pair that was verified lately, without the cost. */
  recall(name: string, password: string): Person | undefined {
    return this.#verified.get(this.#memoryOf(name, password));
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
