import { expect, test } from 'vitest';
import { changesState, originOf } from './origin.ts';

const host = 'vm0:7400';

test.each([
  ['http://vm0:7400', 'same-origin', 'same'],
  ['https://vm0:7400', undefined, 'same'],
  [undefined, 'same-origin', 'same'],
  [undefined, undefined, 'unknown'],
  ['http://evil.example', undefined, 'other'],
  ['http://vm0:7401', undefined, 'other'],
  ['http://vm0:7400.evil.example', undefined, 'other'],
  ['null', undefined, 'other'],
  ['null', 'same-origin', 'other'],
  ['', undefined, 'other'],
  ['http://vm0:7400', 'cross-site', 'other'],
  ['http://vm0:7400', 'same-site', 'other'],
  [undefined, 'none', 'other'],
])('Origin %s with Sec-Fetch-Site %s is %s', (origin, fetchSite, expected) => {
  expect(originOf({ host, origin, fetchSite })).toBe(expected);
});

test('only GET, HEAD and OPTIONS leave things as they are', () => {
  expect(['GET', 'HEAD', 'OPTIONS'].filter(changesState)).toEqual([]);
  expect(['POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND'].every(changesState)).toBe(true);
});
