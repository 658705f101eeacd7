import { expect, test } from 'vitest';
import { blankUnreadable, keepHashesReadable } from './readable-hashes.ts';

test.each([
  ['sound fields', ['opts', '{"attempts":3}', 'progress', '7', 'data', '{'], []],
  ['fields that are not there', ['name', 'x'], []],
  ['empty ones', ['opts', '', 'parent', ''], []],
  ['broken ones', ['opts', '{"attempts":', 'progress', '{', 'parent', 'x'], ['opts', 'progress', 'parent']],
  ['options that are no object', ['opts', 'null'], ['opts']],
  ['a name without a value', ['opts'], []],
  ['names of what every object has', ['constructor', '{', '__proto__', '{'], []],
])('%s', (_what, hash, blanked) => {
  const before = [...hash];
  expect(blankUnreadable(hash)).toEqual(blanked);
  if (blanked.length === 0) expect(hash).toEqual(before);
  expect(blankUnreadable(hash)).toEqual([]);
});

test('a BullMQ without the place to do this is refused at the start', () => {
  expect(() => keepHashesReadable({}, () => undefined)).toThrow('expected BullMQ to have execCommand');
});
