import type { Answer } from '@filefleet/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { heldAtMost, isEarly, lastAfter, type Numbers, Turns } from './turns.ts';

const producer = '0192a1b2-0000-4000-8000-000000000001';

const numbered = (sequence: number, previous = sequence - 1, sessionId = 's1'): Numbers => ({
  producer,
  sessionId,
  vm: 'vm5',
  sequence,
  previous,
});

const applied = {
  operationId: '',
  outcome: 'applied',
  commitSequence: 1,
  committedAt: '',
} as Answer;
const outOfOrder = (expected: number): Answer => ({
  operationId: '',
  outcome: 'resend',
  code: 'OUT_OF_ORDER',
  expected,
});
const missing: Answer = { operationId: '', outcome: 'resend', code: 'STAGE_MISSING' };

/** Turns whose patience ends when the test says so; notes who entered, in order. */
function makeTurns(remembered?: number) {
  const timers = new Set<() => void>();
  const turns = new Turns((run) => {
    timers.add(run);
    return () => timers.delete(run);
  }, remembered);
  const entered: number[] = [];
  const come = (numbers: Numbers) =>
    turns.take(numbers, async () => {
      entered.push(numbers.sequence);
      return numbers.sequence;
    });
  const runOutOfPatience = () => {
    for (const run of [...timers]) {
      timers.delete(run);
      run();
    }
  };
  return { turns, timers, entered, come, runOutOfPatience };
}

test.each([
  ['the first of a session', numbered(1), 0, false],
  ['the next one', numbered(5), 4, false],
  ['one whose predecessor is not there', numbered(5), 3, true],
  ['one behind numbers that were given up', numbered(9, 4), 4, false],
  ['a repeat', numbered(3), 7, false],
])('%s: early is %s', (_what, numbers, last, early) => {
  expect(isEarly(numbers, last)).toBe(early);
});

test.each([
  ['a receipt raises it', 3, numbered(7), applied, 7],
  ['a receipt of an older one does not lower it', 9, numbered(7), applied, 9],
  ['OUT_OF_ORDER lowers it to what the store has', 9, numbered(7), outOfOrder(4), 3],
  ['missing bytes take it back to the one before', 9, numbered(7), missing, 6],
])('%s', (_what, last, numbers, answer, after) => {
  expect(lastAfter(last, numbers, answer)).toBe(after);
});

describe('an operation', () => {
  test('in its turn enters in the call', () => {
    const { come, entered, timers } = makeTurns();
    for (const sequence of [1, 2, 3]) void come(numbered(sequence));
    expect(entered).toEqual([1, 2, 3]);
    expect(timers.size).toBe(0);
  });

  test('without numbers enters in the call', async () => {
    const { turns } = makeTurns();
    await expect(turns.take(undefined, async () => 'in')).resolves.toBe('in');
  });

  test('that overtook its predecessor enters behind it, and its result is its own', async () => {
    const { come, entered, timers, turns } = makeTurns();
    const results = [1, 2, 4, 5, 3].map((sequence) => come(numbered(sequence)));
    expect(entered).toEqual([1, 2, 3, 4, 5]);
    await expect(Promise.all(results)).resolves.toEqual([1, 2, 4, 5, 3]);
    expect([timers.size, turns.held]).toEqual([0, 0]);
  });

  test('whose predecessor never comes enters when the patience is over, with those behind it, in order', () => {
    const { come, entered, runOutOfPatience, turns } = makeTurns();
    for (const sequence of [1, 5, 3, 4]) void come(numbered(sequence));
    expect(entered).toEqual([1]);
    runOutOfPatience();
    expect(entered).toEqual([1, 3, 4, 5]);
    expect(turns.held).toBe(0);
  });

  test('enters as soon as its predecessor is known to be settled', () => {
    const { come, entered, turns } = makeTurns();
    void come(numbered(1));
    void come(numbered(6));
    turns.answered(numbered(5), applied);
    expect(entered).toEqual([1, 6]);
  });

  test('waits again after the store sent back what it had let pass', () => {
    const { come, entered, turns } = makeTurns();
    for (const sequence of [1, 2, 3]) void come(numbered(sequence));
    turns.answered(numbered(2), missing);
    turns.answered(numbered(3), outOfOrder(2));
    void come(numbered(3));
    expect(entered).toEqual([1, 2, 3]);
    void come(numbered(2));
    expect(entered).toEqual([1, 2, 3, 2, 3]);
  });

  test('of another session does not wait', () => {
    const { come, entered } = makeTurns();
    void come(numbered(7));
    void come(numbered(1, 0, 's2'));
    expect(entered).toEqual([1]);
  });
});

test('behind a lost operation only so many wait; with one more, all of its line go, in order', () => {
  const { come, entered, turns } = makeTurns();
  void come(numbered(1));
  for (let sequence = 3; sequence < 3 + heldAtMost; sequence++) void come(numbered(sequence));
  expect(turns.held).toBe(heldAtMost);
  void come(numbered(3 + heldAtMost));
  expect(turns.held).toBe(0);
  expect(entered).toEqual([1, ...Array.from({ length: heldAtMost + 1 }, (_, i) => i + 3)]);
});

test('only so many lines are remembered, and none is forgotten while somebody waits in it', () => {
  const { come, entered, turns, runOutOfPatience } = makeTurns(3);
  void come(numbered(2, 1, 'waiting'));
  for (let n = 0; n < 20; n++) void come(numbered(1, 0, `session ${n}`));
  expect(turns.size).toBe(3);
  void come(numbered(1, 0, 'waiting'));
  expect(entered.slice(-2)).toEqual([1, 2]);
  runOutOfPatience();
  expect(entered).toHaveLength(22);
});

test('whatever order they come in, all enter once, and in order unless the patience ended', () => {
  const comings = fc.shuffledSubarray([1, 2, 3, 4, 5, 6, 7, 8], { minLength: 8 });
  const impatient = fc.array(fc.boolean(), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(comings, impatient, (order, ends) => {
      const { come, entered, runOutOfPatience, turns } = makeTurns();
      order.forEach((sequence, i) => {
        void come(numbered(sequence));
        if (ends[i]) runOutOfPatience();
      });
      if (!ends.includes(true)) expect(entered).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      runOutOfPatience();
      expect(turns.held).toBe(0);
      expect([...entered].sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    }),
  );
});

test('with a clock of its own, a lost predecessor holds nobody up for ever', async () => {
  await expect(new Turns().take(numbered(9), async () => 'in')).resolves.toBe('in');
});
