import { describe, expect, test } from 'vitest';
import { entriesOfFile, entriesOfVariable } from './access-list.ts';
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
    expect(parseDashboardUsers(entriesOfVariable(` a:viewer:${text} , b@x.org:admin:${text}`))).toMatchObject(
      [
        { name: 'a', role: 'viewer' },
        { name: 'b@x.org', role: 'admin' },
      ],
    );
  });

  test.each([
    ['an unknown role', `a:root:${text}`, 'the role viewer, operator or admin'],
    ['a name twice', `a:viewer:${text},a:admin:${text}`, 'got one twice in entry 2'],
    ['a trailing comma', `a:viewer:${text},`, 'in entry 2'],
    ['a name that could be markup', `<b>:viewer:${text}`, 'in entry 1'],
    ['too many parts', `a:viewer:${text}:x`, 'in entry 1'],
  ])('with %s is refused', (_what, wrong, problem) => {
    expect(parseDashboardUsers(entriesOfVariable(wrong))).toEqual({
      problem: expect.stringContaining(problem),
    });
  });

  test('of a file has one per line, and room for people', () => {
    const file = `\uFEFF# the fleet\r\n\r\n a:viewer:${text}\r\n  # gone: b\r\nc:admin:${text}`;
    expect(parseDashboardUsers(entriesOfFile(file))).toMatchObject([{ name: 'a' }, { name: 'c' }]);
    expect(parseDashboardUsers(entriesOfFile('# nobody\n'))).toEqual([]);
  });

  test.each([
    ['a bad line', `# c\n\na:root:${text}\n`, 'another role in line 3'],
    ['a name twice', `a:viewer:${text}\na:admin:${text}`, 'one twice in line 2'],
    ['a name that stands elsewhere already', `b:viewer:${text}\n`, 'got one of those in line 1'],
    ['a password in the wrong place', '\n\nhush:hush:hush', 'in line 3'],
  ])('of a file with %s is refused, with its line and without a word of it', (_what, wrong, problem) => {
    const answer = parseDashboardUsers(entriesOfFile(wrong), ['b']);
    expect(answer).toEqual({ problem: expect.stringContaining(problem) });
    expect(JSON.stringify(answer)).not.toContain('hush');
  });
});
