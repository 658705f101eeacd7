import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { entriesOfVariable, parseDashboardTokens } from '@filefleet/config';
import { expect, test } from 'vitest';
import { parseBearer, Tokens } from './tokens.ts';

const make = fileURLToPath(new URL('./make-token.ts', import.meta.url));

test('a token that was made is found by its text and by no other', () => {
  const { stdout: said, stderr } = spawnSync(process.execPath, [make, 'ci', 'write', 'run:'], {
    encoding: 'utf8',
  });
  const [, token = '', entry = ''] = /^token: (fft_[\w-]{43})\nentry: (.+)\n$/.exec(said) ?? [];
  const parsed = parseDashboardTokens(entriesOfVariable(`old:read:${'0'.repeat(64)},${entry}`));
  if ('problem' in parsed) throw new Error(parsed.problem);
  const tokens = new Tokens(parsed);
  expect(tokens.find(token)).toEqual({ name: 'ci', scope: 'write', sessionPrefix: 'run:' });
  for (const other of ['', token.slice(1), `${token}x`, entry, '0'.repeat(64), 'x'.repeat(10_000)]) {
    expect(tokens.find(other)).toBeUndefined();
  }
  expect(said).not.toContain('undefined');
  expect(stderr).toContain(`FILEFLEET_DASHBOARD_TOKENS='${entry}' npm start`);
  expect(stderr).not.toContain(token);
});

test.each([['a:b'], ['--help'], []])('%j as a name is refused before a token is made', (...args) => {
  const run = () => execFileSync(process.execPath, [make, ...args], { stdio: 'pipe' });
  expect(run).toThrow(expect.objectContaining({ status: 64 }));
});

test.each([
  ['Bearer abc', 'abc'],
  ['bearer  a-b_c.~+/=', 'a-b_c.~+/='],
  ['Bearer', undefined],
  ['Bearer a b', undefined],
  ['Basic abc', undefined],
  [undefined, undefined],
])('%s brings %s', (header, token) => {
  expect(parseBearer(header)).toBe(token);
});
