import { expect, test } from 'vitest';
import { colouredJson, indentedJson, type JsonPart } from './json-text.ts';

const textOf = (parts: readonly JsonPart[] | undefined) => parts?.map(([, text]) => text).join('');

test.each([
  '{"a":1,"b":[true,false,null],"c":{},"d":[],"e":{"f":"x, y: {}"}}',
  '[]',
  '"only a text"',
  '[[1,2],[3]]',
  '  {"a" : "\\"\\\\" }  ',
])('%s is indented as everybody does it', (text) => {
  expect(textOf(indentedJson(text))).toBe(JSON.stringify(JSON.parse(text), null, 2));
});

test('numbers and keys stay as they stand, also where a parser would change them', () => {
  const text = '{"n":12345678901234567890,"n":1.0E+2}';
  expect(textOf(indentedJson(text))).toBe('{\n  "n": 12345678901234567890,\n  "n": 1.0E+2\n}');
});

test('keys are told from texts', () => {
  expect(indentedJson('{"a":"b"}')?.map(([kind]) => kind)).toEqual([
    'plain',
    'plain',
    'key',
    'plain',
    'plain',
    'string',
    'plain',
    'plain',
  ]);
});

test('what is no JSON, and what is too deep, is not indented', () => {
  expect(indentedJson('{"a":')).toBeUndefined();
  expect(indentedJson('hello')).toBeUndefined();
  expect(indentedJson('['.repeat(30_000) + ']'.repeat(30_000))).toBeUndefined();
});

test('what cannot be seen in a text is written out', () => {
  expect(textOf(indentedJson('["\u202e"]'))).toContain('\\u{202e}');
});

test('the beginning of a long JSON keeps every character', () => {
  const text = '{\n\t"a": [1, "two", nul';
  expect(textOf(colouredJson(text))).toBe(text);
  expect(colouredJson(text)).toContainEqual(['key', '"a"']);
});

test('64 KiB of quotes, brackets or digits cost little', () => {
  for (const text of ['"', '[', '1', '\\"', '"\\', '-', '{"']) {
    const began = performance.now();
    colouredJson(text.repeat(65_536 / text.length));
    indentedJson(text.repeat(65_536 / text.length));
    expect(performance.now() - began, text).toBeLessThan(5_000); // asked anew from every quote, it takes more than ten seconds
  }
});
