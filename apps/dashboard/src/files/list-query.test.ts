import { expect, test } from 'vitest';
import { listUrl, readListQuery } from './list-query.ts';

const read = (raw: Record<string, unknown>, known: readonly string[] = []) =>
  readListQuery(raw, (id) => known.includes(id));

test('no question asks for live files', () => {
  expect(read({})).toMatchObject({ filter: { state: 'active' }, problems: {}, cursor: undefined });
});

test('every field becomes a filter', () => {
  const raw = {
    q: ' 100% ',
    vm: 'vm5',
    type: 'Image/*',
    state: 'any',
    from: '2026-01-31',
    until: '2026-02-01T14:30',
  };
  expect(read(raw).filter).toEqual({
    text: '100%',
    vm: 'vm5',
    type: 'image/*',
    state: 'any',
    fromMs: Date.UTC(2026, 0, 31),
    untilMs: Date.UTC(2026, 1, 1, 14, 31),
  });
});

test('a day that is asked for is in the span to its end', () => {
  expect(read({ until: '2026-01-31' }).filter).toMatchObject({ untilMs: Date.UTC(2026, 1, 1) });
});

test('a session that is there is meant as it stands, any other text as the beginning of ids', () => {
  expect(read({ session: 'mine/1' }, ['mine/1']).filter).toMatchObject({ sessionId: 'mine/1' });
  expect(read({ session: 'mine/' }, ['mine/1']).filter).toMatchObject({ sessionPrefix: 'mine/' });
});

test('damaged and missing bytes are asked for whatever the state of their files', () => {
  expect(read({ state: 'damaged' })).toMatchObject({ content: 'damaged', filter: { state: 'any' } });
  expect(read({ state: 'missing' })).toMatchObject({ content: 'missing', filter: { state: 'any' } });
});

test.each([
  ['vm', 'VM 5'],
  ['type', 'images'],
  ['from', 'yesterday'],
  ['until', '2026-13-45'],
])('what cannot be read in %s is said, and not left out', (field, value) => {
  const { problems, filter } = read({ [field]: value });
  expect(Object.keys(problems)).toEqual([field]);
  expect(filter).toEqual({ state: 'active' });
});

test('a span that ends before it begins is said', () => {
  expect(read({ from: '2026-02-01', until: '2026-01-01' }).problems).toHaveProperty('until');
});

test('lists, objects and other states in an address are nothing', () => {
  expect(read({ q: ['a', 'b'], session: { a: 1 }, state: 'all of them' }).filter).toEqual({
    state: 'active',
  });
});

test('an address asks what its fields asked', () => {
  const { fields } = read({ q: 'a&b="c"', session: 's/1', state: 'deleted' });
  const url = new URL(listUrl(fields, 'next'), 'http://x');
  expect(Object.fromEntries(url.searchParams)).toEqual({
    q: 'a&b="c"',
    session: 's/1',
    state: 'deleted',
    cursor: 'next',
  });
  expect(listUrl(read({}).fields)).toBe('/files');
});
