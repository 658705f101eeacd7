import { type Entry, StoreError } from '@filefleet/store';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { storeEntry } from '../../../tests/support/operations.ts';
import { fromPlainError, packEntries, toPlainError, unpackEntries } from './commit-messages.ts';

const withContent = (bytes: Uint8Array): Entry =>
  storeEntry('x', {}, { content: { kind: 'inline', bytes, mimeType: 'text/plain' } });

const bare: Entry = {
  kind: 'malformed',
  job: { jobId: 'j', name: '', code: 'x', reason: '', payloadText: '' },
};

const others: readonly Entry[] = [
  bare,
  storeEntry('x', {}, { content: { kind: 'held' } }),
  storeEntry('x', {}, { content: { kind: 'file', name: 'ab/cd.1-1', mimeType: null } }),
];

/** Over to another thread and back, as postMessage does it. */
function cross(entries: readonly Entry[]): readonly Entry[] {
  const packed = packEntries(entries);
  const arrived = structuredClone(packed, { transfer: [packed.bytes] });
  return unpackEntries(arrived);
}

const bytesOf = (entry: Entry | undefined): number[] | undefined =>
  entry?.kind === 'operation' && entry.content?.kind === 'inline' ? [...entry.content.bytes] : undefined;

test('bytes arrive as they were sent, in their place, whatever buffer they were a window into', () => {
  const shared = fc
    .uint8Array({ maxLength: 300 })
    .chain((buffer) =>
      fc
        .tuple(fc.nat(buffer.length), fc.nat(buffer.length))
        .map(([a, b]) => buffer.subarray(Math.min(a, b), Math.max(a, b))),
    );
  const entries = fc.array(fc.oneof(shared.map(withContent), fc.constantFrom(...others)), { maxLength: 12 });
  fc.assert(
    fc.property(entries, (sent) => {
      const before = sent.map(bytesOf);
      const arrived = cross(sent);
      expect(arrived.map(bytesOf)).toEqual(before);
      expect(sent.map(bytesOf)).toEqual(before); // handed over is the copy: a group is tried again with the same entries
    }),
  );
});

test('facts beside the bytes arrive unchanged', () => {
  const sent = [withContent(Buffer.from('abc')), ...others];
  const blank = (entry: Entry) =>
    entry.kind === 'operation' ? { ...entry, content: entry.content?.kind } : entry;
  expect(cross(sent).map(blank)).toEqual(sent.map(blank));
});

test('no entries and no bytes are fine', () => {
  expect(cross([])).toEqual([]);
  expect(cross([withContent(new Uint8Array())]).map(bytesOf)).toEqual([[]]);
});

test('an error of the store keeps class, code, message, facts and exit code', () => {
  const error = new StoreError('LOCK_HELD', 'expected it to be free', { facts: { pid: 7 } });
  const arrived = fromPlainError(structuredClone(toPlainError(error)));
  expect(arrived).toBeInstanceOf(StoreError);
  expect(arrived).toMatchObject({
    code: 'LOCK_HELD',
    message: error.message,
    facts: { pid: 7 },
    exitCode: 75,
  });
});

test.each([
  ['an error with a code', Object.assign(new Error('x'), { code: 'EIO' }), { message: 'x', code: 'EIO' }],
  ['an error with a number for a code', Object.assign(new Error('x'), { code: 5 }), { message: 'x' }],
  ['an error without', new TypeError('no function'), { message: 'no function' }],
  ['something that is no error', 'a text', { message: 'a text' }],
])('%s arrives as an error', (_what, thrown, expected) => {
  const arrived = fromPlainError(structuredClone(toPlainError(thrown)));
  expect(arrived).toBeInstanceOf(Error);
  expect(arrived).not.toBeInstanceOf(StoreError);
  expect(arrived).toMatchObject(expected);
});

test('the stack of the thread comes along, for the log of this machine', () => {
  const error = new Error('x');
  expect(fromPlainError(toPlainError(error)).stack).toBe(error.stack);
});
