// A bad operation hurts nobody else.

import { makeOperationId } from '@filefleet/protocol';
import { describe, expect, test } from 'vitest';
import { entry, idOf, storeEntry } from '../../../tests/support/operations.ts';
import { receipt, useWriterSession } from '../../../tests/support/writer-session.ts';

const fixture = useWriterSession();
const { apply, count, row } = fixture;

const producer = '6a2f41a3-c54c-4cbd-9d2a-0d3c1b0a9f11';
const at = (sequence: number, previous = sequence - 1) => ({ producer, sequence, previous });

describe('a bad operation', () => {
  test('is refused and kept as a dead letter; its neighbours in the group commit', () => {
    const bad = entry('file-rename', { sessionId: 's1', fileId: makeOperationId(), filename: 'x' });
    const results = apply(storeEntry('1'), bad, storeEntry('2'));
    expect(results.map((result) => receipt(result).outcome)).toEqual(['applied', 'refused', 'applied']);
    expect(count('conversation_files')).toBe(2);
    expect(row('SELECT * FROM dead_letters')).toMatchObject({
      operation_id: idOf(bad),
      code: 'FILE_NOT_FOUND',
    });
  });

  test('leaves nothing of what it did before it was refused', () => {
    const file = storeEntry('1');
    apply(file);
    const tooMuch = Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`k${i}`, 'v']));
    const more = Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`l${i}`, 'v']));
    const facts = { sessionId: 's1', fileId: idOf(file) };
    const results = apply(
      entry('file-annotate', { ...facts, metadata: tooMuch }),
      entry('file-annotate', { ...facts, metadata: more }),
    );
    expect(results.map((result) => receipt(result).outcome)).toEqual(['applied', 'refused']);
    expect(count('file_metadata')).toBe(64);
  });

  test('that could not be parsed goes to quarantine, and its number is settled', () => {
    const operationId = makeOperationId();
    const job = {
      jobId: `vm5-${operationId}`,
      name: 'file-stoer',
      code: 'OPERATION_UNKNOWN',
      reason: 'no such name',
      payloadText: '{}',
    };
    const numbers = { producer, sessionId: 's1', vm: 'vm5', sequence: 1, previous: 0 };
    const identity = {
      operationId,
      name: 'file-stoer',
      vm: 'vm5',
      sessionId: 's1',
      code: 'OPERATION_UNKNOWN',
      message: 'no such name',
      numbers,
    } as const;
    const malformed = { kind: 'malformed', job, identity } as const;
    const [result] = fixture.session.apply([malformed]).results;
    expect(receipt(result)).toMatchObject({ outcome: 'refused', code: 'OPERATION_UNKNOWN' });
    expect(receipt(fixture.session.apply([malformed]).results[0])).toEqual(receipt(result));
    expect(count('quarantine')).toBe(1);
    expect(receipt(apply(storeEntry('2', at(2)))[0])).toMatchObject({ outcome: 'applied' });
  });

  test('without any identity is kept once and answers nobody', () => {
    const job = { jobId: 'what', name: '', code: 'PAYLOAD_INVALID', reason: 'not JSON', payloadText: '{{{' };
    expect(
      fixture.session.apply([
        { kind: 'malformed', job },
        { kind: 'malformed', job },
      ]).results,
    ).toEqual([{ kind: 'quarantined' }, { kind: 'quarantined' }]);
    expect(count('quarantine')).toBe(1);
  });

  test('with staged bytes that are not there is sent back without a trace', () => {
    const made = storeEntry('x', at(1), { content: { kind: 'unavailable', code: 'STAGE_MISSING' } });
    expect(apply(made)[0]).toMatchObject({ kind: 'resend', answer: { code: 'STAGE_MISSING' } });
    expect([count('ledger'), count('blobs'), count('conversation_files')]).toEqual([0, 0, 0]);
  });
});
