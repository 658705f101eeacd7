import { expect, test } from 'vitest';
import { parsePasswordHash } from './dashboard-users.ts';
import { hashPassword, verifyPassword } from './password.ts';

async function hashed(password: string) {
  const hash = parsePasswordHash(await hashPassword(password));
  if (!hash) throw new Error('expected hashPassword to make a hash that can be read');
  return hash;
}

test('a password verifies against its hash, and no other does', async () => {
  const hash = await hashed('correct horse');
  expect(await verifyPassword('correct horse', hash)).toBe(true);
  expect(await verifyPassword('correct horsE', hash)).toBe(false);
  expect(await verifyPassword('', hash)).toBe(false);
});

test('the same password gets another salt each time', async () => {
  expect(await hashPassword('same')).not.toBe(await hashPassword('same'));
});

test('how a keyboard composes a character does not matter', async () => {
  expect(await verifyPassword('cafe\u0301', await hashed('caf\u00e9'))).toBe(true);
});

test('the highest cost that the configuration takes can be verified', async () => {
  const costly = {
    cost: 2 ** 18,
    blockSize: 8,
    parallelism: 1,
    salt: Buffer.alloc(16),
    hash: Buffer.alloc(32),
  };
  expect(await verifyPassword('x', costly)).toBe(false);
});
