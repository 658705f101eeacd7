import { describe, expect, test } from 'vitest';
import { intentDigest, makeOperationId, type OperationName, parseOperation } from './index.ts';

const payload = {
  v: 1,
  operationId: makeOperationId(1_700_000_000_000),
  vm: 'vm5',
  actor: 'agent',
  producer: '3f1c2a44-0b7e-4c7e-9d55-0d2f0a6b1c01',
  sequence: 5,
  previous: 4,
  sessionId: 's',
  filename: 'f',
  digest: 'a'.repeat(64),
  size: 3,
  content: { from: 'staged', chunks: 1, expiresAtMs: 1 },
  mimeType: 'image/png',
  messageId: 'm',
  associationType: 'upload',
  metadata: { a: '1', b: '2' },
};
const digestOf = (data: unknown, name: OperationName = 'file-store') =>
  intentDigest(parseOperation(name, data));
const digest = digestOf(payload);

test('it is a SHA-256 digest', () => {
  expect(digest).toMatch(/^[0-9a-f]{64}$/);
});

test('the order of keys does not matter', () => {
  expect(digestOf(Object.fromEntries(Object.entries(payload).reverse()))).toBe(digest);
  expect(digestOf({ ...payload, metadata: { b: '2', a: '1' } })).toBe(digest);
});

describe('how it travels does not matter', () => {
  test.each([
    ['producer', { producer: '3f1c2a44-0b7e-4c7e-9d55-0d2f0a6b1c02' }],
    ['sequence', { sequence: 9 }],
    ['previous', { previous: 0 }],
    ['retryOf', { retryOf: makeOperationId() }],
    ['content', { content: { from: 'known' } }],
  ])('%s', (_field, change) => {
    expect(digestOf({ ...payload, ...change })).toBe(digest);
  });

  test('nor does a field that is undefined', () => {
    expect(digestOf({ ...payload, retryOf: undefined })).toBe(digest);
    const { messageId: _messageId, ...without } = payload;
    expect(digestOf({ ...payload, messageId: undefined })).toBe(digestOf(without));
  });
});

describe('everything else does', () => {
  test.each([
    ['operationId', { operationId: makeOperationId() }],
    ['vm', { vm: 'vm4' }],
    ['actor', { actor: 'another' }],
    ['sessionId', { sessionId: 't' }],
    ['filename', { filename: 'g' }],
    ['digest', { digest: 'b'.repeat(64) }],
    ['size', { size: 4 }],
    ['mimeType', { mimeType: 'image/gif' }],
    ['messageId', { messageId: 'n' }],
    ['associationType', { associationType: 'reference' }],
    ['metadata', { metadata: { a: '1', b: '3' } }],
    ['a missing field', { metadata: undefined }],
  ])('%s', (_field, change) => {
    expect(digestOf({ ...payload, ...change })).not.toBe(digest);
  });

  test('the name of the operation', () => {
    const file = {
      v: 1,
      operationId: payload.operationId,
      vm: 'vm5',
      sessionId: 's',
      fileId: payload.producer,
    };
    expect(digestOf(file, 'file-restore')).not.toBe(digestOf(file, 'file-purge'));
  });
});
