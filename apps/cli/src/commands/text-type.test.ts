import { expect, test } from 'vitest';
import { textTypeOf } from './text-type.ts';

test.each([
  ['notes.txt', 'text/plain'],
  ['README.md', 'text/markdown'],
  ['Result.JSON', 'application/json'],
  ['drawing.svg', 'image/svg+xml'],
  ['.env', undefined],
  ['shot.png', undefined],
  ['server.ts', undefined],
  ['data.bin', undefined],
  ['txt', undefined],
  ['', undefined],
])('%j is declared as %s', (filename, type) => {
  expect(textTypeOf(filename)).toBe(type);
});
