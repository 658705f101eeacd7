import { createHash } from 'node:crypto';
import { limits, makeOperationId, stagedTtlMs } from '@filefleet/protocol';
import { describe, expect, test } from 'vitest';
import { checkChunks, checkJob, checkReservation } from './check-job.ts';

const operationId = makeOperationId();
const good = {
  id: `vm4-${operationId}`,
  name: 'session-end',
  data: { v: 1, operationId, vm: 'vm4', sessionId: 's1' },
  options: { attempts: 1, jobId: `vm4-${operationId}` },
};

test('a good job has nothing against it, a repeat neither', () => {
  expect(checkJob(good, 'vm4')).toMatchObject({ complaints: [], operation: { name: 'session-end' } });
  expect(checkJob({ ...good, id: `${good.id}-3` }, 'vm4').complaints).toEqual([]);
});

test.each([
  [{ id: '17' }, 'expected the job id to be <vm>-<operation id>[-<n>], got 17'],
  [{ id: `vm4-${makeOperationId()}` }, `expected the job id to be vm4-${operationId}[-<n>], got vm4-`],
  [{ data: { ...good.data, vm: 'vm5' } }, 'expected vm to be vm4, got vm5'],
  [{ data: { ...good.data, colour: 'red' } }, 'PAYLOAD_INVALID: expected no field colour'],
  [{ data: { ...good.data, v: 2 } }, 'VERSION_UNSUPPORTED: expected v to be 1, the lowest'],
  [{ name: 'file-eat' }, 'OPERATION_UNKNOWN: expected the job name to be one of'],
  [{ options: { attempts: 3 } }, 'expected one attempt, got 3'],
  [{ options: { delay: 5 } }, 'expected no job option delay, got 5'],
  [{ options: { lifo: true } }, 'expected no job option lifo, got true'],
])('%j: %s', (change, complaint) => {
  expect(checkJob({ ...good, ...change }, 'vm4').complaints).toContainEqual(
    expect.stringContaining(complaint),
  );
});

describe('staged chunks', () => {
  const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
  const first = Buffer.alloc(limits.chunkBytes, 1);
  const second = Buffer.alloc(7, 2);
  const promised = { size: first.length + second.length, digest: sha256(Buffer.concat([first, second])) };
  const found = (bytes: Buffer, ttlMs: number = stagedTtlMs.queued) => ({ bytes, ttlMs });
  const check = (...chunks: Parameters<typeof checkChunks>[1]) =>
    checkChunks(promised, chunks, sha256).join();

  test('whole ones have nothing against them; none is right for no bytes', () => {
    expect(check(found(first), found(second, stagedTtlMs.queued - 1_000))).toBe('');
    expect(checkChunks({ size: 0, digest: sha256(Buffer.alloc(0)) }, [], sha256)).toEqual([]);
  });

  test('what is missing, misplaced, swapped, or never goes away is named', () => {
    expect(check(found(first))).toContain('expected 2 chunks of 262144 bytes for 262151 bytes, got 1');
    expect(check(found(first), null)).toContain('expected all 2 chunks in Redis before the job, got 1');
    expect(check(found(second), found(first))).toContain('expected chunk 0 to have 262144 bytes, got 7');
    expect(check(found(first), found(Buffer.alloc(7)))).toContain('expected the staged bytes to hash to');
    expect(check(found(first, -1), found(second))).toContain(
      'expected chunk 0 to have a TTL of at most 86400000',
    );
    expect(check(found(first), found(second, 2 * stagedTtlMs.queued))).toContain('got 172800000 ms');
  });

  test('room for them was reserved, as much as they are', () => {
    for (const [size, reserved] of [[7, 7] as const, [7, 8] as const, [0, null] as const]) {
      expect(checkReservation(size, reserved)).toEqual([]);
    }
    expect(checkReservation(7, null).join()).toContain('expected a reservation of 7 bytes');
    expect(checkReservation(7, 6).join()).toContain('got one of 6 bytes');
  });
});
