// The group transaction, against a real database file: one commit, once, in order, by one writer.

import { ledgerRetentionMs, makeOperationId } from '@filefleet/protocol';
import { describe, expect, test } from 'vitest';
import { entry, idOf, sha256, storeEntry } from '../../../tests/support/operations.ts';
import { receipt, startMs, useWriterSession } from '../../../tests/support/writer-session.ts';
import { WriterSession } from './writer-session.ts';

const fixture = useWriterSession();
const { apply, clock, count, row, column, tamper } = fixture;

const producer = '6a2f41a3-c54c-4cbd-9d2a-0d3c1b0a9f11';
const at = (sequence: number, previous = sequence - 1) => ({ producer, sequence, previous });

describe('an applied store', () => {
  test('leaves file, bytes, association, metadata, audit and ledger in one commit', () => {
    const made = storeEntry(
      'hello',
      { metadata: { source: 'npu' }, messageId: 'm1', actor: 'agent-7' },
      { atMs: startMs },
    );
    const [result] = apply(made);

    const fileId = idOf(made);
    expect(receipt(result)).toEqual({
      operationId: fileId,
      outcome: 'applied',
      fileId,
      digest: sha256('hello'),
      size: 5,
      deduplicated: false,
      commitSequence: 1,
      committedAt: '2026-01-01T00:00:00.000Z',
    });
    expect(row('SELECT * FROM conversation_files WHERE file_id = ?', fileId)).toMatchObject({
      session_id: 's1',
      original_filename: 'note.txt',
      stored_filename: fileId,
      file_path: `inline:${sha256('hello')}`,
      vm: 'vm5',
      uploaded_by: 'agent-7',
      uploaded_at: '2026-01-01 00:00:00',
      uploaded_at_ms: startMs,
    });
    expect(column('SELECT bytes FROM blob_bytes')[0]).toEqual(Buffer.from('hello'));
    expect(row('SELECT * FROM file_metadata')).toMatchObject({
      metadata_key: 'source',
      metadata_value: 'npu',
    });
    expect(row('SELECT * FROM session_file_associations')).toMatchObject({
      session_id: 's1',
      message_id: 'm1',
    });
    expect(row('SELECT * FROM file_access_log')).toMatchObject({
      access_type: 'upload',
      accessed_by: 'agent-7',
    });
    expect(row('SELECT * FROM audit_entries')).toMatchObject({
      action: 'file-store',
      file_id: fileId,
      commit_sequence: 1,
    });
    expect(JSON.parse(String(row('SELECT receipt FROM ledger').receipt))).toEqual(receipt(result));
    expect(row('SELECT * FROM sessions')).toMatchObject({ session_id: 's1', state: 'live' });
  });

  test('that repeats gets the first receipt and has no second effect', () => {
    const made = storeEntry('hello');
    const [first] = apply(made);
    clock.now += 60_000;
    const [again, onceMore] = apply(made, made);
    expect(receipt(again)).toEqual(receipt(first));
    expect(receipt(onceMore)).toEqual(receipt(first));
    expect([count('conversation_files'), count('ledger'), count('audit_entries')]).toEqual([1, 1, 1]);
  });

  test('that repeats after its staged bytes are gone gets the first receipt too', () => {
    const made = storeEntry('hello');
    const [first] = apply(made);
    const [again] = apply({ ...made, content: { kind: 'unavailable', code: 'STAGE_MISSING' } });
    expect(receipt(again)).toEqual(receipt(first));
  });

  test('with the id of another intent is a CONFLICT, always with the same answer, and changes nothing', () => {
    const made = storeEntry('hello');
    apply(made);
    const other = storeEntry('hello', { filename: 'other.txt' }, { operationId: idOf(made) });
    const [conflict] = apply(other);
    clock.now += 1_000;
    const [again] = apply(other);
    expect(receipt(conflict)).toMatchObject({ outcome: 'refused', code: 'CONFLICT' });
    expect(receipt(again)).toEqual(receipt(conflict));
    expect(row('SELECT original_filename FROM conversation_files')).toEqual({
      original_filename: 'note.txt',
    });
    expect(receipt(apply(made)[0])).toMatchObject({ outcome: 'applied' });
  });

  test('under the id of a file that the ledger no longer knows is refused, and the file stays', () => {
    const made = storeEntry('hello');
    apply(made);
    tamper('DELETE FROM ledger');
    const [again] = apply(storeEntry('other', {}, { operationId: idOf(made) }));
    expect(receipt(again)).toMatchObject({ outcome: 'refused', code: 'FILE_ID_TAKEN' });
    expect(row('SELECT file_hash FROM conversation_files')).toEqual({ file_hash: sha256('hello') });
    expect(count('blobs')).toBe(1);
  });

  test('of empty bytes is a file like any other', () => {
    const [result] = apply(storeEntry(''));
    expect(receipt(result)).toMatchObject({ outcome: 'applied', size: 0 });
    expect(column('SELECT bytes FROM blob_bytes')[0]).toEqual(Buffer.alloc(0));
  });
});

describe('order', () => {
  test('an operation whose predecessor is not settled is sent back without a trace', () => {
    const first = storeEntry('1', at(1));
    const second = storeEntry('2', at(2));
    expect(apply(second)[0]).toEqual({
      kind: 'resend',
      answer: { operationId: idOf(second), outcome: 'resend', code: 'OUT_OF_ORDER', expected: 1 },
    });
    expect([count('conversation_files'), count('ledger'), count('producer_sequences')]).toEqual([0, 0, 0]);
    const results = apply(first, second);
    expect(results.map((result) => receipt(result).outcome)).toEqual(['applied', 'applied']);
    expect(row('SELECT last FROM producer_sequences')).toEqual({ last: 2 });
  });

  test('a refused operation settles its number, so that the next one has its turn', () => {
    const results = apply(
      entry('file-delete', { sessionId: 's1', fileId: makeOperationId(), ...at(1) }),
      storeEntry('2', at(2)),
    );
    expect(results.map((result) => receipt(result).outcome)).toEqual(['refused', 'applied']);
  });

  test('a number that its producer gave up is never executed afterwards', () => {
    const late = storeEntry('late', at(1));
    apply(storeEntry('later', at(2, 0)));
    expect(receipt(apply(late)[0])).toMatchObject({ outcome: 'refused', code: 'GIVEN_UP' });
    expect(receipt(apply(late)[0])).toMatchObject({ outcome: 'refused', code: 'GIVEN_UP' });
    expect(count('conversation_files')).toBe(1);
  });

  test('sessions of one producer do not wait for each other', () => {
    const results = apply(
      storeEntry('a', { ...at(1), sessionId: 'a' }),
      storeEntry('b', { ...at(1), sessionId: 'b' }),
    );
    expect(results.map((result) => receipt(result).outcome)).toEqual(['applied', 'applied']);
  });

  test('an id that another producer settled is answered from the ledger and still counts as the number of this one', () => {
    const made = storeEntry('x', at(1));
    const [first] = apply(made);
    const other = { producer: '11111111-2222-4333-8444-555555555555', sequence: 1, previous: 0 };
    expect(receipt(apply(storeEntry('x', other, { operationId: idOf(made) }))[0])).toEqual(receipt(first));
    expect(receipt(apply(storeEntry('y', { ...other, sequence: 2, previous: 1 }))[0])).toMatchObject({
      outcome: 'applied',
    });
  });

  test('what the ledger forgot is never executed again', () => {
    const made = storeEntry('old', at(1), { atMs: startMs });
    apply(made);
    const unordered = storeEntry('old and unordered', {}, { atMs: startMs });
    apply(unordered);
    clock.now += ledgerRetentionMs + 1;
    expect(fixture.session.prune().receipts).toBe(2);
    for (const again of [made, unordered]) {
      expect(receipt(apply(again)[0])).toMatchObject({ outcome: 'refused', code: 'RECEIPT_EXPIRED' });
    }
    expect(count('conversation_files')).toBe(2);
  });
});

describe('one writer', () => {
  test('a writer whose epoch was passed can commit nothing', () => {
    apply(storeEntry('before'));
    tamper("INSERT INTO writer_epochs (holder, pid, started_at_ms) VALUES ('other', 1, 1)");
    expect(() => apply(storeEntry('after'))).toThrow(expect.objectContaining({ code: 'EPOCH_SUPERSEDED' }));
    expect(() => fixture.session.prune()).toThrow(expect.objectContaining({ code: 'EPOCH_SUPERSEDED' }));
    expect(count('conversation_files')).toBe(1);
  });

  test('each tenure has a higher epoch than the one before', async () => {
    const first = fixture.session.epoch;
    fixture.session.close();
    fixture.session = await WriterSession.open({ dataDir: fixture.dataDir, clock });
    expect(fixture.session.epoch).toBeGreaterThan(first);
  });
});
