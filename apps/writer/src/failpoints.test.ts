import { expect, test, vi } from 'vitest';
import { readTestSwitches } from './failpoints.ts';

vi.mock(import('node:fs'), async (original) => ({ ...(await original()), writeSync: () => 0 }));

const probeOf = (FILEFLEET_TEST_FAILPOINTS: string) => readTestSwitches({ FILEFLEET_TEST_FAILPOINTS }).probe;

test('without switches there is no probe and no protection is out', () => {
  expect(readTestSwitches({})).toEqual({ probe: undefined, without: new Set() });
  expect(
    readTestSwitches({ FILEFLEET_TEST_FAILPOINTS: '', FILEFLEET_TEST_UNSAFE: '' }).probe,
  ).toBeUndefined();
});

test('protections are taken out by name', () => {
  const { without } = readTestSwitches({ FILEFLEET_TEST_UNSAFE: 'ledger,epoch' });
  expect(without).toEqual(new Set(['ledger', 'epoch']));
});

test('an error has its code and fires at its step, at each passing', () => {
  const probe = probeOf('commit.begun=error:EIO');
  for (const _ of [1, 2])
    expect(() => probe?.('commit.begun')).toThrow(expect.objectContaining({ code: 'EIO' }));
  expect(() => probe?.('commit.done')).not.toThrow();
});

test('with a number it fires at that passing only', () => {
  const probe = probeOf('a.b=error:X@2');
  const fired = [1, 2, 3].map(() => {
    try {
      probe?.('a.b');
      return false;
    } catch {
      return true;
    }
  });
  expect(fired).toEqual([false, true, false]);
});

test('several are independent', () => {
  const probe = probeOf('a=error:ONE,b=error:TWO@1');
  expect(() => probe?.('b')).toThrow('TWO');
  expect(() => probe?.('a')).toThrow('ONE');
});

test('a part after a colon names entries by filename', () => {
  const probe = probeOf('commit.entry:poison=error:X');
  expect(() => probe?.('commit.entry:my poison.txt')).toThrow('X');
  expect(() => probe?.('commit.entry:other.txt')).not.toThrow();
  expect(() => probe?.('commit.begun')).not.toThrow();
});

test('a delay holds the thread for its milliseconds', () => {
  const startedAt = performance.now();
  probeOf('a=delay:20')?.('a');
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(19);
});

test.each(['nonsense', 'a=explode', '=kill', 'a=kill@x', 'a b=kill'])(
  '%s is refused, not ignored',
  (text) => {
    expect(() => probeOf(text)).toThrow(
      `expected a failpoint like name=kill@1 (kill, exit, error, delay), got ${text}`,
    );
  },
);
