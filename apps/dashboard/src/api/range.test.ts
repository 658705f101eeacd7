import { expect, test } from 'vitest';
import { wantedBytes } from './range.ts';

const etag = '"abc"';
const part = (start: number, end: number) => ({ kind: 'part', start, end });
const whole = { kind: 'whole' };
const beyond = { kind: 'beyond' };

test.each([
  ['bytes=0-0', part(0, 0)],
  ['bytes=0-', part(0, 9)],
  ['bytes=3-5', part(3, 5)],
  ['bytes=3-500', part(3, 9)],
  ['bytes=-3', part(7, 9)],
  ['bytes=-30', part(0, 9)],
  ['BYTES=1-2', part(1, 2)],
  ['bytes=9-', part(9, 9)],
  ['bytes=10-', beyond],
  ['bytes=10-20', beyond],
  ['bytes=-0', beyond],
  ['bytes=5-3', whole],
  ['bytes=-', whole],
  ['bytes=a-b', whole],
  ['bytes=1-2,4-5', whole],
  ['bytes=0x1-2', whole],
  ['items=0-1', whole],
  ['bytes 0-1', whole],
  ['', whole],
  ['bytes=99999999999999999999-', whole],
])('of ten bytes, Range %s', (range, wanted) => {
  expect(wantedBytes({ range }, etag, 10)).toEqual(wanted);
});

test('of no bytes every range is beyond', () => {
  for (const range of ['bytes=0-', 'bytes=0-0', 'bytes=-1']) {
    expect(wantedBytes({ range }, etag, 0)).toEqual(beyond);
  }
  expect(wantedBytes({}, etag, 0)).toEqual(whole);
});

test.each([
  [{ ifNoneMatch: etag }, 'unchanged'],
  [{ ifNoneMatch: `W/${etag}` }, 'unchanged'],
  [{ ifNoneMatch: `"x", ${etag}` }, 'unchanged'],
  [{ ifNoneMatch: '*' }, 'unchanged'],
  [{ ifNoneMatch: '"x"' }, 'whole'],
  [{ ifNoneMatch: 'abc' }, 'whole'],
  [{ ifNoneMatch: etag, range: 'bytes=0-1' }, 'unchanged'],
  [{ ifMatch: etag }, 'whole'],
  [{ ifMatch: '*' }, 'whole'],
  [{ ifMatch: `W/${etag}` }, 'changed'],
  [{ ifMatch: '"x"' }, 'changed'],
  [{ ifMatch: '"x"', ifNoneMatch: etag }, 'changed'],
  [{ ifRange: etag, range: 'bytes=0-1' }, 'part'],
  [{ ifRange: '"x"', range: 'bytes=0-1' }, 'whole'],
  [{ ifRange: `W/${etag}`, range: 'bytes=0-1' }, 'whole'],
  [{ ifRange: 'Thu, 01 Jan 2026 00:00:00 GMT', range: 'bytes=0-1' }, 'whole'],
  [{ ifRange: '"x"', range: 'bytes=99-' }, 'whole'],
  [{ ifRange: etag, range: 'bytes=99-' }, 'beyond'],
])('%j is %s', (conditions, kind) => {
  expect(wantedBytes(conditions, etag, 10).kind).toBe(kind);
});
