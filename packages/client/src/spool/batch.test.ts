// A batch counts as a whole or not at all, wherever a crash or a disk may have cut or changed it.

import { expect, test } from 'vitest';
import { type BatchItem, decodeBatch, encodeBatch, type SpoolRecord } from './batch.ts';

const record = (sequence: number, size?: number): SpoolRecord => ({
  name: 'file-store',
  operationId: `01900000-0000-7000-8000-00000000000${sequence}`,
  idGiven: false,
  sequence,
  acceptedAtMs: 1,
  payload: { filename: 'ünï\n.txt' },
  ...(size === undefined ? {} : { content: { digest: 'f'.repeat(64), size } }),
});
const items: BatchItem[] = [
  { record: record(1, 5), bytes: Buffer.from('first') },
  { record: record(2), bytes: undefined },
  { record: record(3, 0), bytes: Buffer.alloc(0) },
  { record: record(4, 6), bytes: Buffer.from('second') },
];
const whole = Buffer.concat(encodeBatch(items));

test('a whole batch gives its records back, and where their content lies', () => {
  const decoded = decodeBatch(whole);
  const records = decoded.state === 'whole' ? decoded.records : [];
  expect(records.map((placed) => placed.record)).toEqual(items.map((item) => item.record));
  const content = records.map(({ offset, record: { content: facts } }) =>
    whole.toString('utf8', offset, offset + (facts?.size ?? 0)),
  );
  expect(content).toEqual(['first', '', '', 'second']);
});

test('cut anywhere it is torn', () => {
  const states = Array.from({ length: whole.byteLength }, (_, n) => decodeBatch(whole.subarray(0, n)).state);
  expect(new Set(states)).toEqual(new Set(['torn']));
});

test('with any byte changed it is never whole', () => {
  for (let at = 0; at < whole.byteLength; at++) {
    const changed = Buffer.from(whole);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect([at, decodeBatch(changed).state]).not.toEqual([at, 'whole']);
  }
});
