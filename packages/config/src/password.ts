// Hashing and verifying passwords with scrypt of node:crypto. Nothing else in the fleet may compare a password.

import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { formatPasswordHash, type PasswordHash } from './dashboard-users.ts';

/** 32 MiB and, on the machines of a fleet, some 0.1 s for each attempt. */
const defaultCost = Object.freeze({ cost: 2 ** 15, blockSize: 8, parallelism: 1 });
const saltBytes = 16;
const hashBytes = 32;

/**
 * Makes the hash of a password, salted anew each time.
 * @param password any text; it is compared in its NFKC form, as keyboards differ in how they compose characters.
 * @returns `scrypt$N$r$p$salt$hash`, as FILEFLEET_DASHBOARD_USERS takes it.
 */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes);
  const hash = await derive(password, { ...defaultCost, salt, hash: Buffer.alloc(hashBytes) });
  return formatPasswordHash({ ...defaultCost, salt, hash });
}

/** Whether this is the password of the hash, compared in constant time. */
export async function verifyPassword(password: string, expected: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await derive(password, expected), expected.hash);
}

function derive(
  password: string,
  { cost, blockSize, parallelism, salt, hash }: PasswordHash,
): Promise<Buffer> {
  const options: ScryptOptions = { N: cost, r: blockSize, p: parallelism, maxmem: 256 * cost * blockSize };
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFKC'), salt, hash.length, options, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}
