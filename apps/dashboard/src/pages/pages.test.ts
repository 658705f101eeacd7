import { expect, test } from 'vitest';
import { errorPage } from './error-page.ts';
import { html } from './html.ts';
import { type Frame, page } from './layout.ts';
import { loginPage } from './login-page.ts';
import { age, bytesText, duration, fileName, foreignText, relative, shortId, table } from './show.ts';

const hostile = `"><script>alert('x')</script>&`;
const frame: Frame = { person: { name: 'vera', role: 'viewer' }, csrfToken: 'token' };

/** Scripts that are not files of ours. */
const foreignScript = /<script(?! (?:defer|type="module") src="\/assets\/[0-9a-f]{12}\/)/;

test('a value never becomes markup, wherever it stands', () => {
  expect(html`<p title="${hostile}">${hostile}</p>`.toString()).not.toMatch(/<script|"">/);
  const body = html`<h1>${fileName(hostile)}</h1>${foreignText(hostile)}${shortId(hostile)}${table(hostile, [hostile], [])}`;
  const flash = { kind: 'bad', text: hostile } as const;
  const person = { name: hostile, role: 'admin' } as const;
  const pages = [
    loginPage({ csrfToken: hostile, next: hostile, problem: hostile }),
    errorPage({ ...frame, title: hostile, text: hostile }),
    page({ ...frame, person, flash, csrfToken: hostile, title: hostile, current: 'files', body }),
  ];
  for (const each of pages) expect(each).not.toMatch(foreignScript);
});

test('HTML made by the tag goes in as it is, lists too, and nothing as nothing', () => {
  const items = ['a', '<b>'].map((text) => html`<li>${text}</li>`);
  expect(html`<ul>${items}${undefined}${null}${false}</ul>`.toString()).toBe(
    '<ul><li>a</li><li>&lt;b&gt;</li></ul>',
  );
});

test('a name shows what cannot be seen, and keeps its direction to itself', () => {
  expect(fileName('invoice\u202Efdp.exe ').toString()).toBe(
    '<bdi class="name">invoice\\u{202e}fdp.exe\\u{20}</bdi>',
  );
});

test('the frame says where one is, and offers only what the role may do', () => {
  const shown = page({ ...frame, title: 'Files', current: 'files', body: html`` });
  expect(shown).toContain('<a href="/files" aria-current="page">');
  expect(shown).not.toContain('/queues/manage');
  const operator = { name: 'otto', role: 'operator' } as const;
  expect(page({ ...frame, person: operator, title: 'Files', current: 'files', body: html`` })).toContain(
    '/queues/manage',
  );
});

test('a file that is not there cannot be named by a page', () => {
  expect(() => page({ ...frame, title: 'x', current: 'none', body: html``, scripts: ['no.js'] })).toThrow(
    'expected no.js to be a file in assets/',
  );
});

test.each([
  [-5, '0 s'],
  [119_000, '119 s'],
  [120_000, '2 min'],
  [7_200_000, '2 h'],
  [172_800_000, '2 days'],
])('%d ms reads as %s', (ms, text) => {
  expect(age(ms)).toBe(text);
});

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '0.98 KiB'],
  [1_536, '1.5 KiB'],
  [24 * 1_024 ** 2, '24 MiB'],
  [5e15, '4.44 PiB'],
])('%d bytes read as %s', (bytes, text) => {
  expect(bytesText(bytes)).toBe(text);
});

test('durations and moments are said in the unit that fits', () => {
  expect([0.84, 12.4, 1_400, 59_000].map(duration)).toEqual(['0.8 ms', '12 ms', '1.4 s', '59 s']);
  expect([1_000, -70_000, 9_000].map((gap) => relative(100_000 - gap, 100_000))).toEqual([
    'now',
    'in 70 s',
    '9 s ago',
  ]);
});
