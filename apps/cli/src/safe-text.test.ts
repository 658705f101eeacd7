import { expect, test } from 'vitest';
import { shown, shownName } from './safe-text.ts';

test('what could move the cursor or turn the reading direction is shown as an escape', () => {
  expect(shown('a\u001b[31mred\u202e')).toBe('a\\u{1b}[31mred\\u{202e}');
});

test('the edges of a name are shown, those of other text are not', () => {
  expect(shownName('invoice.exe. ')).toBe('invoice.exe\\u{2e}\\u{20}');
  expect(shown('It is done.')).toBe('It is done.');
});

test('a long name is cut and says so', () => {
  expect(shown('x'.repeat(200), 10)).toBe('xxxxxxxxx…');
  expect(shownName(`${'x'.repeat(200)}.`, 10)).toBe('xxxxxxxxx…');
  expect(shownName('.'.repeat(300), 3)).toBe('..…');
});
