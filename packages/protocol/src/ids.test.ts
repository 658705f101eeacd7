import { expect, test } from 'vitest';
import {
  assertVmName,
  isOperationId,
  makeJobId,
  makeOperationId,
  operationIdTimeMs,
  ProtocolError,
  parseJobId,
  redisKeys,
} from './index.ts';

test('an operation id is a UUIDv7 that carries its time and sorts by it', () => {
  const nowMs = 1_700_000_000_123;
  const id = makeOperationId(nowMs);
  expect(isOperationId(id)).toBe(true);
  expect(operationIdTimeMs(id)).toBe(nowMs);
  expect(makeOperationId(nowMs + 1) > id).toBe(true);
});

test.each([
  '',
  5,
  null,
  undefined,
  '3f1c2a44-0b7e-4c7e-9d55-0d2f0a6b1c01',
  '018BCFE5-687B-7000-8000-000000000000',
  '018bcfe5-687b-7000-8000-00000000000',
  '018bcfe5-687b-7000-8000-000000000000\n',
])('%j is no operation id', (value) => {
  expect(isOperationId(value)).toBe(false);
});

test('a job id can be read back, and is one that BullMQ takes', () => {
  const operationId = makeOperationId();
  for (const repeat of [0, 1, 12]) {
    const jobId = makeJobId('vm5', operationId, repeat);
    expect(parseJobId(jobId)).toEqual({ vm: 'vm5', operationId, repeat });
    expect(jobId).not.toMatch(/:|^\d+$/);
  }
  expect(makeJobId('vm5', operationId)).toBe(`vm5-${operationId}`);
});

test.each([
  'x',
  '12',
  'repeat:abc:1700000000000',
  'vm5-3f1c2a44-0b7e-4c7e-9d55-0d2f0a6b1c01',
  'VM5-018bcfe5-687b-7000-8000-000000000000',
  'vm5-018bcfe5-687b-7000-8000-000000000000-',
  'vm5-018bcfe5-687b-7000-8000-000000000000-x',
  'vm5-018bcfe5-687b-7000-8000-000000000000-1-2',
])('%s is no job id of ours', (jobId) => {
  expect(parseJobId(jobId)).toBeUndefined();
});

test('a VM name is a letter and up to 31 letters or digits', () => {
  for (const vm of ['vm0', 'a', 'a'.repeat(32)]) assertVmName(vm);
  for (const vm of ['', 'VM5', '5vm', 'vm-5', 'vm:5', 'vm5\n', 'a'.repeat(33)]) {
    expect(() => assertVmName(vm), JSON.stringify(vm)).toThrow(ProtocolError);
  }
});

test('all keys of a shard share its hash tag, and those of a VM its name', () => {
  const keys = redisKeys(3);
  const names = [keys.writer, keys.epoch, keys.staged('vm5', 'id', 0), keys.receipts('vm5', 'p')];
  for (const name of names) expect(name.startsWith('{filefleet:3}:')).toBe(true);
  expect(keys.staged('vm5', 'id', 7)).toBe('{filefleet:3}:staged:vm5:id:7');
  expect(keys.receipts('vm5', 'p')).toBe('{filefleet:3}:receipts:vm5:p');
});
