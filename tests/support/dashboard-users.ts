// Users of a dashboard under test: one for each role, with a password that the test knows.

import { scryptSync } from 'node:crypto';
import {
  type DashboardUser,
  formatPasswordHash,
  type PasswordHash,
  type Role,
  roles,
} from '@filefleet/config';

/** The lowest cost that the configuration takes, so that tests do not spend their time in scrypt. */
const cheap = { cost: 2 ** 14, blockSize: 8, parallelism: 1, salt: Buffer.alloc(16, 7) };

export interface TestUser extends DashboardUser {
  readonly plain: string;
  /** Value of an Authorization header. */
  readonly basic: string;
}

export const testUsers: Readonly<Record<Role, TestUser>> = Object.freeze({
  viewer: makeUser('vera', 'viewer'),
  operator: makeUser('otto', 'operator'),
  admin: makeUser('ada', 'admin'),
});

/** All of them, as FILEFLEET_DASHBOARD_USERS takes them. */
export const testUsersVariable: string = roles.map((role) => entryOf(testUsers[role])).join(',');

/** One, as a list of users has it. */
export function entryOf({ name, role, password }: DashboardUser): string {
  return `${name}:${role}:${formatPasswordHash(password)}`;
}

export function makeUser(name: string, role: Role, plain = `password of ${name}`): TestUser {
  const password: PasswordHash = { ...cheap, hash: hashOf(plain) };
  return { name, role, password, plain, basic: basicOf(name, plain) };
}

export function basicOf(name: string, password: string): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
}

function hashOf(plain: string): Buffer {
  const { cost, blockSize, parallelism, salt } = cheap;
  return scryptSync(plain, salt, 32, { N: cost, r: blockSize, p: parallelism });
}
