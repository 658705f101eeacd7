// The group transaction, against a real database file. What it promises is read back with a connection of the test's own.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ledgerRetentionMs, makeOperationId } from '@filefleet/protocol';
import SQLite, { type Database } from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { entry, idOf, type OperationEntry, sha256, storeEntry } from '../../../tests/support/operations.ts';
import { databasePath } from './data-dir.ts';
import type { Result } from './settle.ts';
import { WriterSession } from './writer-session.ts';

const producer = '6a2f41a3-c54c-4cbd-9d2a-0d3c1b0a9f11';
const startMs = Date.UTC(2026, 0, 1);

let dataDir: string;
let session: WriterSession;
let look: Database;
const clock = { now: startMs, nowMs: () => clock.now };

beforeEach(async () => {
  clock.now = startMs;
  dataDir = mkdtempSync(join(tmpdir(), 'filefleet-group-'));
  session = await WriterSession.open({ dataDir, clock });
  look = new SQLite(databasePath(dataDir), { readonly: true });
});

afterEach(() => {
  look.close();
  session.close();
  rmSync(dataDir, { recursive: true });
});

const count = (table: string, where = '1'): number =>
  Number(look.prepare(`SELECT count(*) FROM ${table} WHERE ${where}`).pluck().get());
const row = (sql: string, ...values: unknown[]): Record<string, unknown> =>
  look.prepare(sql).get(...values) as Record<string, unknown>;
const apply = (...entries: OperationEntry[]): readonly Result[] => session.apply(entries).results;
const at = (sequence: number, previous = sequence - 1) => ({ producer, sequence, previous });

function receipt(result: Result | undefined) {
  if (result?.kind !== 'settled') throw new Error(`expected a settled result, got ${JSON.stringify(result)}`);
  return result.receipt;
}

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
    expect(look.prepare('SELECT bytes FROM blob_bytes').pluck().get()).toEqual(Buffer.from('hello'));
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
    const write = new SQLite(databasePath(dataDir));
    write.exec('DELETE FROM ledger');
    write.close();
    const [again] = apply(storeEntry('other', {}, { operationId: idOf(made) }));
    expect(receipt(again)).toMatchObject({ outcome: 'refused', code: 'FILE_ID_TAKEN' });
    expect(row('SELECT file_hash FROM conversation_files')).toEqual({ file_hash: sha256('hello') });
    expect(count('blobs')).toBe(1);
  });

  test('of empty bytes is a file like any other', () => {
    const [result] = apply(storeEntry(''));
    expect(receipt(result)).toMatchObject({ outcome: 'applied', size: 0 });
    expect(look.prepare('SELECT bytes FROM blob_bytes').pluck().get()).toEqual(Buffer.alloc(0));
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
    expect(session.prune().receipts).toBe(2);
    for (const again of [made, unordered]) {
      expect(receipt(apply(again)[0])).toMatchObject({ outcome: 'refused', code: 'RECEIPT_EXPIRED' });
    }
    expect(count('conversation_files')).toBe(2);
  });
});

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
    const [result] = session.apply([malformed]).results;
    expect(receipt(result)).toMatchObject({ outcome: 'refused', code: 'OPERATION_UNKNOWN' });
    expect(receipt(session.apply([malformed]).results[0])).toEqual(receipt(result));
    expect(count('quarantine')).toBe(1);
    expect(receipt(apply(storeEntry('2', at(2)))[0])).toMatchObject({ outcome: 'applied' });
  });

  test('without any identity is kept once and answers nobody', () => {
    const job = { jobId: 'what', name: '', code: 'PAYLOAD_INVALID', reason: 'not JSON', payloadText: '{{{' };
    expect(
      session.apply([
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

describe('shared bytes', () => {
  const inTwoSessions = () => {
    const mine = storeEntry('same', { sessionId: 'a', filename: 'mine.txt', actor: 'ann' });
    const yours = storeEntry('same', { sessionId: 'b', filename: 'yours.txt', actor: 'ben' });
    return { mine, yours, results: apply(mine, yours) };
  };

  test('are stored once, and each file keeps its own name and uploader (D3)', () => {
    const { results } = inTwoSessions();
    expect(results.map((result) => receipt(result))).toMatchObject([
      { deduplicated: false },
      { deduplicated: true },
    ]);
    expect(count('blobs')).toBe(1);
    expect(
      look.prepare('SELECT original_filename, uploaded_by FROM conversation_files ORDER BY session_id').all(),
    ).toEqual([
      { original_filename: 'mine.txt', uploaded_by: 'ann' },
      { original_filename: 'yours.txt', uploaded_by: 'ben' },
    ]);
  });

  test('are not touched by what another session does with its file (D1, D2)', () => {
    const { mine, yours } = inTwoSessions();
    const before = row('SELECT * FROM conversation_files WHERE file_id = ?', idOf(yours));
    const facts = { sessionId: 'a', fileId: idOf(mine) };
    apply(
      entry('file-rename', { ...facts, filename: 'renamed' }),
      entry('file-delete', facts),
      entry('file-purge', facts),
    );
    expect(count('conversation_files', "session_id = 'a'")).toBe(0);
    expect(row('SELECT * FROM conversation_files WHERE file_id = ?', idOf(yours))).toEqual(before);
    expect(count('blobs')).toBe(1);
  });

  test('of another session cannot be named', () => {
    const { yours } = inTwoSessions();
    const [result] = apply(entry('file-delete', { sessionId: 'a', fileId: idOf(yours) }));
    expect(receipt(result)).toMatchObject({ code: 'FILE_NOT_FOUND' });
  });

  test('believed to be known but gone are asked for again', () => {
    const content = { from: 'known' };
    const made = storeEntry('gone', { content }, { content: { kind: 'held' } });
    expect(apply(made)[0]).toMatchObject({ kind: 'resend', answer: { code: 'CONTENT_MISSING' } });
    expect(apply(storeEntry('gone', {}, { content: { kind: 'held' } }))[0]).toEqual({ kind: 'content-gone' });
  });

  test('linked into another session become a row of its own there', () => {
    const made = storeEntry('x', { metadata: { a: '1' } });
    const link = entry('file-link', {
      sessionId: 's1',
      fileId: idOf(made),
      toSessionId: 's2',
      messageId: 'm9',
    });
    apply(made, link);
    expect(row('SELECT * FROM conversation_files WHERE file_id = ?', idOf(link))).toMatchObject({
      session_id: 's2',
      origin_file_id: idOf(made),
      file_hash: sha256('x'),
    });
    expect(row('SELECT * FROM file_metadata WHERE file_id = ?', idOf(link))).toMatchObject({
      metadata_key: 'a',
    });
    expect(row("SELECT * FROM sessions WHERE session_id = 's2'")).toMatchObject({ state: 'live' });
  });

  test('linked twice to no message are associated once (D8)', () => {
    const made = storeEntry('x');
    const facts = { sessionId: 's1', fileId: idOf(made) };
    apply(made, entry('file-link', facts), entry('file-link', facts));
    expect(count('session_file_associations')).toBe(1);
  });
});

describe('delete and sessions', () => {
  test('a deleted file comes back whole; the audit tells of both (D5, D6)', () => {
    const made = storeEntry('x', { metadata: { a: '1' }, messageId: 'm' });
    const facts = { sessionId: 's1', fileId: idOf(made) };
    apply(made, entry('file-delete', { ...facts, reason: 'tidy' }));
    expect(row('SELECT is_deleted, deleted_at_ms FROM conversation_files')).toEqual({
      is_deleted: 1,
      deleted_at_ms: startMs,
    });
    expect(receipt(apply(entry('file-rename', { ...facts, filename: 'y' }))[0])).toMatchObject({
      code: 'FILE_DELETED',
    });
    apply(entry('file-restore', facts));
    expect(row('SELECT is_deleted, deleted_at, deleted_at_ms FROM conversation_files')).toEqual({
      is_deleted: 0,
      deleted_at: null,
      deleted_at_ms: null,
    });
    expect([count('file_metadata'), count('session_file_associations')]).toEqual([1, 1]);
    apply(entry('file-purge', facts));
    expect(look.prepare('SELECT action FROM audit_entries ORDER BY audit_id').pluck().all()).toEqual([
      'file-store',
      'file-delete',
      'file-restore',
      'file-purge',
    ]);
  });

  test('an ended session has reminders; activity reopens it and closes them (D7)', () => {
    apply(storeEntry('x'));
    expect(count('file_cleanup_queue')).toBe(0);
    apply(entry('session-end', { sessionId: 's1' }));
    expect(row('SELECT state, ended_at_ms FROM sessions')).toEqual({ state: 'ended', ended_at_ms: startMs });
    expect(row('SELECT * FROM file_cleanup_queue')).toMatchObject({
      scheduled_deletion_time: '2026-01-31 00:00:00',
      is_processed: 0,
    });
    apply(storeEntry('y'));
    expect(row('SELECT state, ended_at_ms FROM sessions')).toEqual({ state: 'live', ended_at_ms: null });
    expect(count('file_cleanup_queue', 'is_processed = 0')).toBe(0);
  });

  test('what comes before the end of its session in one group does not reopen it; what comes after does', () => {
    const end = entry('session-end', { sessionId: 's1' });
    apply(storeEntry('x'), end);
    expect(row('SELECT state FROM sessions')).toEqual({ state: 'ended' });
    apply(entry('session-end', { sessionId: 's1' }), storeEntry('y'));
    expect(row('SELECT state FROM sessions')).toEqual({ state: 'live' });
  });

  test('a session cleaned up softly loses all its files and nobody else’s', () => {
    apply(storeEntry('x'), storeEntry('y'), storeEntry('x', { sessionId: 's2' }));
    const [result] = apply(entry('session-cleanup', { sessionId: 's1', mode: 'soft' }));
    expect(receipt(result)).toMatchObject({ outcome: 'applied', files: 2 });
    expect(count('conversation_files', 'is_deleted = 1')).toBe(2);
    expect(count('conversation_files', "session_id = 's2' AND is_deleted = 0")).toBe(1);
  });

  test('access entries are kept also for files that are gone', () => {
    const made = storeEntry('x');
    apply(made);
    const gone = makeOperationId();
    const entries = [
      { fileId: idOf(made), accessType: 'view', atMs: startMs },
      { fileId: gone, accessType: 'download', atMs: startMs },
    ];
    expect(receipt(apply(entry('access-record', { entries }))[0])).toMatchObject({ outcome: 'applied' });
    expect(count('file_access_log', "access_type = 'view'")).toBe(1);
    expect(count('audit_entries', `file_id = '${gone}'`)).toBe(1);
  });

  test('an audit entry can be neither changed nor removed', () => {
    apply(storeEntry('x'));
    const write = new SQLite(databasePath(dataDir));
    expect(() => write.exec("UPDATE audit_entries SET action = 'x'")).toThrow('append-only');
    expect(() => write.exec('DELETE FROM audit_entries')).toThrow('append-only');
    write.close();
  });
});

describe('one writer', () => {
  test('a writer whose epoch was passed can commit nothing', () => {
    apply(storeEntry('before'));
    const successor = new SQLite(databasePath(dataDir));
    successor.exec("INSERT INTO writer_epochs (holder, pid, started_at_ms) VALUES ('other', 1, 1)");
    successor.close();
    expect(() => apply(storeEntry('after'))).toThrow(expect.objectContaining({ code: 'EPOCH_SUPERSEDED' }));
    expect(() => session.prune()).toThrow(expect.objectContaining({ code: 'EPOCH_SUPERSEDED' }));
    expect(count('conversation_files')).toBe(1);
  });

  test('each tenure has a higher epoch than the one before', async () => {
    const first = session.epoch;
    session.close();
    session = await WriterSession.open({ dataDir, clock });
    expect(session.epoch).toBeGreaterThan(first);
  });
});
