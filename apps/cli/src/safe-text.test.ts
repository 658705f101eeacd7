import { describe, expect, test } from 'vitest';
import { shown } from './safe-text.ts';

describe('a name on the terminal', () => {
  test('ordinary text of any script stays as it is', () => {
    expect(shown('Отчёт 報告 naïve 🎉.pdf')).toBe('Отчёт 報告 naïve 🎉.pdf');
  });

  test.each([
    ['an escape sequence', 'a\u001b[31mred', 'a\\u{1b}[31mred'],
    ['a line break', 'a\nb', 'a\\u{a}b'],
    ['a turned reading direction', 'invoice\u202efdp.exe', 'invoice\\u{202e}fdp.exe'],
    ['a C1 control', 'a\u009b2J', 'a\\u{9b}2J'],
    ['a lone surrogate', 'a\ud800b', 'a\\u{d800}b'],
    ['a line separator', 'a\u2028b', 'a\\u{2028}b'],
  ])('%s is shown as an escape', (_what, text, expected) => {
    expect(shown(text)).toBe(expected);
  });

  test('a long name is cut and says so', () => {
    expect(shown('x'.repeat(200), 10)).toBe('xxxxxxxxx…');
  });
});
