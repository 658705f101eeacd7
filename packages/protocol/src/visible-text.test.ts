import fc from 'fast-check';
import { expect, test } from 'vitest';
import { visibleName, visibleText } from './index.ts';

test('ordinary text of any script stays as it is, emoji with their marks too', () => {
  for (const text of ['Отчёт 報告 naïve 🎉.pdf', '\u2764\ufe0f.png', 'a b.txt']) {
    expect(visibleName(text)).toBe(text);
  }
});

test.each([
  ['an escape sequence', 'a\u001b[31mred', 'a\\u{1b}[31mred'],
  ['a line break', 'a\nb', 'a\\u{a}b'],
  ['a turned reading direction', 'invoice\u202efdp.exe', 'invoice\\u{202e}fdp.exe'],
  ['an isolated reading direction', 'a\u2067b', 'a\\u{2067}b'],
  ['a C1 control', 'a\u009b2J', 'a\\u{9b}2J'],
  ['a lone surrogate', 'a\ud800b', 'a\\u{d800}b'],
  ['a line separator', 'a\u2028b', 'a\\u{2028}b'],
  ['a zero-width space', 'a\u200bb', 'a\\u{200b}b'],
  ['a space that is none', 'a\u00a0b', 'a\\u{a0}b'],
  ['a letter that shows nothing', 'a\u3164b', 'a\\u{3164}b'],
])('%s is shown as an escape', (_what, text, expected) => {
  expect(visibleText(text)).toBe(expected);
});

test.each([
  ['invoice.exe.', 'invoice.exe\\u{2e}'],
  ['notes.txt ', 'notes.txt\\u{20}'],
  [' notes.txt', '\\u{20}notes.txt'],
  ['..', '\\u{2e}\\u{2e}'],
  [' . ', '\\u{20}\\u{2e}\\u{20}'],
  ['a. b.txt', 'a. b.txt'],
  ['.hidden', '.hidden'],
])('the edges of the name %j are shown', (name, expected) => {
  expect(visibleName(name)).toBe(expected);
});

test('whatever comes, nothing invisible is left, and nothing visible is changed', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(visibleName(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|^ |[. ]$/u);
    }),
  );
  fc.assert(
    fc.property(fc.stringMatching(/^[\p{L}\p{N}_-]*$/u), (text) => {
      const changed = visibleText(text) !== text;
      expect(changed).toBe(/\p{Default_Ignorable_Code_Point}/u.test(text));
    }),
  );
});
