import { describe, expect, test } from 'vitest';
import {
  describeCode,
  isSettled,
  limits,
  makeOperationId,
  parseAnswer,
  refusedCodes,
  resendCodes,
} from './index.ts';

const operationId = makeOperationId();
const settled = {
  operationId,
  commitSequence: Number.MAX_SAFE_INTEGER,
  committedAt: '2026-11-22T21:14:13.123Z',
};
const applied = {
  ...settled,
  outcome: 'applied',
  fileId: operationId,
  digest: 'a'.repeat(64),
  size: limits.stagedFileBytes,
  deduplicated: false,
};

test('answers can be read back', () => {
  for (const answer of [
    applied,
    { ...settled, outcome: 'refused', code: 'CONFLICT', message: 'expected another id' },
    { operationId, outcome: 'resend', code: 'OUT_OF_ORDER', expected: 3 },
  ]) {
    const parsed = parseAnswer(JSON.stringify(answer));
    expect(parsed).toEqual(answer);
    expect(isSettled(parsed)).toBe(answer.outcome !== 'resend');
  }
});

test.each([
  ['', 'no JSON'],
  ['null', 'null'],
  [JSON.stringify({ ...applied, outcome: 'perhaps' }), 'an unknown outcome'],
  [JSON.stringify({ ...settled, outcome: 'refused', code: 'NOPE' }), 'an unknown code'],
  [JSON.stringify({ ...applied, colour: 'red' }), 'an unknown key'],
  [JSON.stringify({ ...applied, commitSequence: 0 }), 'a commit sequence of 0'],
])('%s is refused: %s', (text) => {
  expect(() => parseAnswer(text)).toThrow(expect.objectContaining({ code: 'PAYLOAD_INVALID' }));
});

describe('a receipt has less than 400 bytes', () => {
  const bytes = (receipt: unknown) => Buffer.byteLength(JSON.stringify(receipt));

  test('applied, with every field that goes together', () => {
    expect(bytes(applied)).toBeLessThan(limits.receiptBytes);
  });

  test.each(Object.keys(refusedCodes))('refused with %s and the longest plain message', (code) => {
    const receipt = { ...settled, outcome: 'refused', code, message: 'm'.repeat(160) };
    parseAnswer(JSON.stringify(receipt));
    expect(bytes(receipt)).toBeLessThan(limits.receiptBytes);
  });
});

test('every code has a sentence', () => {
  for (const code of [...Object.keys(refusedCodes), ...Object.keys(resendCodes)]) {
    expect(describeCode(code as keyof typeof refusedCodes)).toMatch(/^[A-Z].+\.$/);
  }
});
