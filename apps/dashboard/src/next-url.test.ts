import { expect, test } from 'vitest';
import { safeNext } from './next-url.ts';

test.each([
  ['/', '/'],
  ['/queues/queue/operations?status=failed', '/queues/queue/operations?status=failed'],
  ['/a/../b', '/b'],
])('%s is a place to go to', (next, goes) => {
  expect(safeNext(next)).toBe(goes);
});

test.each([
  undefined,
  ['/queues'],
  '',
  'queues',
  '//evil.example',
  '///evil.example',
  '/\\evil.example',
  '/\\/evil.example',
  '/x\\..\\\\evil.example',
  '/a/..//evil.example',
  '/./\t/evil.example',
  '/\n/evil.example',
  'http://evil.example',
  'javascript:alert(1)',
  '/login?next=/login',
  '/logout',
  '/caf\u00e9',
])('%j leads to the first page instead', (next) => {
  expect(safeNext(next)).toBe('/');
});
