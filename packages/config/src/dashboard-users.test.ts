import { describe, expect, test } from 'vitest';
import { formatPasswordHash, parseDashboardUsers, parsePasswordHash } from './dashboard-users.ts';

const parts = {
  cost: 2 ** 15,
  blockSize: 8,
  parallelism: 1,
  salt: Buffer.alloc(16, 1),
  hash: Buffer.alloc(32, 2),
};
const text = formatPasswordHash(parts);

describe('a password hash', () => {
  test('reads back as it was written', () => {
    expect(parsePasswordHash(text)).toEqual(parts);
  });

  test.each([
    ['plain text', 'secret'],
    ['eaten dollar signs', 'scrypt'],
    ['a cost that is no power of two', text.replace('32768', '32769')],
    ['a cost that is cheap to guess', text.replace('32768', '1024')],
    ['a cost that would stop the dashboard', text.replace('32768', '1048576')],
    ['a short salt', formatPasswordHash({ ...parts, salt: Buffer.alloc(8) })],
    ['a short hash', formatPasswordHash({ ...parts, hash: Buffer.alloc(16) })],
  ])('with %s is refused', (_what, wrong) => {
    expect(parsePasswordHash(wrong)).toBeUndefined();
  });
});

describe('the list of users', () => {
  test('takes blanks around its commas', () => {
    expect(parseDashboardUsers(` a:viewer:${text} , b@x.org:admin:${text}`)).toMatchObject([
      { name: 'a', role: 'viewer' },
      { name: 'b@x.org', role: 'admin' },
    ]);
  });

  test.each([
    ['an unknown role', `a:root:${text}`, 'the role viewer, operator or admin'],
    ['a name twice', `a:viewer:${text},a:admin:${text}`, 'got a twice'],
    ['a trailing comma', `a:viewer:${text},`, 'in entry 2'],
    ['a name that could be markup', `<b>:viewer:${text}`, 'in entry 1'],
    ['too many parts', `a:viewer:${text}:x`, 'in entry 1'],
  ])('with %s is refused', (_what, wrong, problem) => {
    expect(parseDashboardUsers(wrong)).toEqual({ problem: expect.stringContaining(problem) });
  });
});
