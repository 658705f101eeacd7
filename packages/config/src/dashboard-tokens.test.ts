import { describe, expect, test } from 'vitest';
import { entriesOfVariable } from './access-list.ts';
import { parseDashboardTokens } from './dashboard-tokens.ts';

const hash = 'ab'.repeat(32);

describe('the list of tokens', () => {
  test('takes blanks around its commas, and prefixes with colons in them', () => {
    expect(parseDashboardTokens(entriesOfVariable(` a:read:${hash} , b:write:${hash}:team:7/`))).toEqual([
      { name: 'a', scope: 'read', hash: Buffer.from(hash, 'hex'), sessionPrefix: undefined },
      { name: 'b', scope: 'write', hash: Buffer.from(hash, 'hex'), sessionPrefix: 'team:7/' },
    ]);
  });

  test.each([
    ['an unknown scope', `a:admin:${hash}`, 'the scope read or write'],
    ['a name twice', `a:read:${hash},a:write:${hash}`, 'got one twice in entry 2'],
    ['a trailing comma', `a:read:${hash},`, 'in entry 2'],
    ['a name that could be markup', `<b>:read:${hash}`, 'in entry 1'],
    ['a token instead of its name', 'fft_secret', 'another scope in entry 1'],
    ['a token instead of its hash', 'a:read:fft_secret', '64 lower-case hex digits'],
    ['a prefix that was forgotten', `a:read:${hash}:`, 'got an empty one in entry 1'],
  ])('with %s is refused', (_what, wrong, problem) => {
    const answer = parseDashboardTokens(entriesOfVariable(wrong));
    expect(answer).toEqual({ problem: expect.stringContaining(problem) });
    expect(JSON.stringify(answer)).not.toMatch(/secret|abab/);
  });
});
