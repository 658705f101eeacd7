import { describe, expect, test } from 'vitest';
import { decideAfterEnd } from './restart-policy.ts';

describe('after a child has ended', () => {
  test('it is started again, each time a little later, at most 5 s', () => {
    const delays = [1, 2, 3, 5, 6, 50].map((endsInRow) =>
      decideAfterEnd({ exitCode: 1, wasReady: true, endsInRow }),
    );
    expect(delays).toEqual(
      [200, 400, 800, 3_200, 5_000, 5_000].map((delayMs) => ({ action: 'restart', delayMs })),
    );
  });

  test('a kill is no reason to give up', () => {
    expect(decideAfterEnd({ exitCode: undefined, wasReady: true, endsInRow: 1 }).action).toBe('restart');
  });

  test.each([74, 75, 78])('exit code %i is final, and becomes that of the supervisor', (exitCode) => {
    expect(decideAfterEnd({ exitCode, wasReady: true, endsInRow: 1 })).toEqual({
      action: 'give-up',
      exitCode,
    });
  });

  test('a child that never became ready is given up after four tries', () => {
    expect(decideAfterEnd({ exitCode: 1, wasReady: false, endsInRow: 3 }).action).toBe('restart');
    expect(decideAfterEnd({ exitCode: 1, wasReady: false, endsInRow: 4 })).toEqual({
      action: 'give-up',
      exitCode: 1,
    });
  });
});
