import { expect, test } from 'vitest';
import { asText, hexRows, visibleLines } from './glance.ts';

test('256 bytes at most, sixteen in a row, letters where there are letters', () => {
  const rows = hexRows(Buffer.concat([Buffer.from('<b>'), Buffer.alloc(400, 0xff)]));
  expect(rows).toHaveLength(16);
  expect(rows[0]).toEqual({
    offset: '0000',
    hex: `3c 62 3e${' ff'.repeat(13)}`,
    letters: '<b>.............',
  });
  expect(rows[15]?.offset).toBe('00f0');
  expect(hexRows(Buffer.from('x'))).toEqual([{ offset: '0000', hex: '78', letters: 'x' }]);
});

test('text is what decodes without a NUL; a character that is cut at the end is no reason', () => {
  expect(asText(Buffer.from('grün'), true)).toBe('grün');
  const cut = Buffer.from('grün').subarray(0, 3);
  expect(asText(cut, false)).toBe('gr');
  expect(asText(cut, true)).toBeUndefined();
  expect(asText(Buffer.from([0x89, 0x50, 0x4e, 0x47]), false)).toBeUndefined();
  expect(asText(Buffer.from('a\0b'), true)).toBeUndefined();
  expect(asText(Buffer.from('\ufeffgrün', 'utf16le'), true)).toBe('grün');
});

test('lines and tabs stay, what cannot be seen is written out', () => {
  expect(visibleLines('a\tb\r\nc\rd\u202ee\u001b[31m\u200b')).toBe(
    'a\tb\nc\nd\\u{202e}e\\u{1b}[31m\\u{200b}',
  );
});
