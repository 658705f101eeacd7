import { expect, test } from 'vitest';
import { contentDisposition } from './disposition.ts';

test.each([
  ['note.txt', 'note.txt'],
  ['Größe 1.png', 'Größe 1.png'],
  ['屏幕.png', '屏幕.png'],
  ["it's (1)*.txt", "it's (1)_.txt"],
  ['100%.txt', '100%.txt'],
  ['a"; filename="b.exe', 'a_; filename=_b.exe'],
  ['a\r\nSet-Cookie: x=1', 'a__Set-Cookie_ x=1'],
  ['../../etc/passwd', '___.._etc_passwd'],
  ['C:\\con', 'C__con'],
  ['.bashrc', '_bashrc'],
  ['trailing. ', 'trailing__'],
  ['photo\u202egpj.exe', 'photo_gpj.exe'],
  ['nul\0byte', 'nul_byte'],
  ['lone \ud800 half', 'lone _ half'],
  ['<img src=x onerror=alert(1)>', '_img src=x onerror=alert(1)_'],
  ['', 'file'],
  ['ü'.repeat(300), 'ü'.repeat(200)],
])('%j is kept as a plain file', (given, kept) => {
  const header = contentDisposition(given);
  expect(header).toMatch(
    /^attachment; filename="[\x20-\x21\x23-\x5b\x5d-\x7e]*"; filename\*=UTF-8''[\w!#$&+.^`|~%-]*$/,
  );
  expect(decodeURIComponent(header.split("filename*=UTF-8''")[1] ?? '')).toBe(kept);
});
