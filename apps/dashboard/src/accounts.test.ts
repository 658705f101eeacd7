import type { PasswordHash } from '@filefleet/config';
import { expect, test } from 'vitest';
import { testUsers } from '../../../tests/support/dashboard-users.ts';
import { Accounts } from './accounts.ts';

const { viewer, operator } = testUsers;
const slowOperator = { ...operator, password: { ...operator.password, cost: 2 ** 16 } };

/** Accounts whose comparisons are written down and end when the test says. */
function watched(matches: (password: string) => boolean | Promise<boolean> = () => false) {
  const asked: PasswordHash[] = [];
  let nowMs = Date.UTC(2026, 0, 1);
  const accounts = new Accounts(
    [viewer, slowOperator],
    () => nowMs,
    async (password, hash) => {
      asked.push(hash);
      return matches(password);
    },
  );
  return {
    accounts,
    asked,
    advance: (ms: number) => {
      nowMs += ms;
    },
  };
}

test('an unknown name costs a comparison like the costliest of the real ones, and matches nothing', async () => {
  const { accounts, asked } = watched(() => true);
  expect(await accounts.verify('nobody', 'anything')).toBeUndefined();
  expect(asked).toEqual([expect.objectContaining({ cost: 2 ** 16, blockSize: 8, parallelism: 1 })]);
});

test('a known name is compared with its own hash', async () => {
  const { accounts, asked } = watched(() => true);
  expect(await accounts.verify(viewer.name, 'right')).toEqual({ name: viewer.name, role: 'viewer' });
  expect(asked).toEqual([viewer.password]);
});

test('what was verified is recalled for five minutes, for this pair only', async () => {
  const { accounts, advance } = watched((password) => password === 'right');
  await accounts.verify(viewer.name, 'right');
  await accounts.verify(viewer.name, 'wrong');
  expect(accounts.recall(viewer.name, 'right')).toMatchObject({ name: viewer.name });
  expect(accounts.recall(viewer.name, 'wrong')).toBeUndefined();
  expect(accounts.recall(operator.name, 'right')).toBeUndefined();
  advance(5 * 60_000 + 1);
  expect(accounts.recall(viewer.name, 'right')).toBeUndefined();
});

test('a flood is turned away: two comparisons at once, 32 waiting, the rest is told to come back', async () => {
  const gate = Promise.withResolvers<boolean>();
  const { accounts, asked } = watched(() => gate.promise);
  const attempts = Array.from({ length: 40 }, () => accounts.verify('nobody', 'x'));
  await expect.poll(() => asked.length).toBe(2);
  gate.resolve(false);
  const outcomes = await Promise.all(attempts);
  const busy = outcomes.filter((outcome) => outcome === 'busy').length;
  expect(busy).toBeGreaterThan(0);
  expect(asked.length).toBe(40 - busy);
  expect(asked.length).toBeLessThanOrEqual(34);
});

test('a password that is too long costs nothing', async () => {
  const { accounts, asked } = watched();
  expect(await accounts.verify(viewer.name, 'x'.repeat(1_025))).toBeUndefined();
  expect(asked).toEqual([]);
});

test('a login that was under way while its user was taken away is none', async () => {
  const gate = Promise.withResolvers<boolean>();
  const { accounts, asked } = watched(() => gate.promise);
  const attempt = accounts.verify(viewer.name, 'right');
  await expect.poll(() => asked.length).toBe(1);
  accounts.replace([{ ...viewer, role: 'admin' }]);
  gate.resolve(true);
  expect(await attempt).toBeUndefined();
  expect(accounts.recall(viewer.name, 'right')).toBeUndefined();
});
