// Files that share bytes, deletion and sessions.

import { makeOperationId } from '@filefleet/protocol';
import { describe, expect, test } from 'vitest';
import { entry, idOf, sha256, storeEntry } from '../../../tests/support/operations.ts';
import { receipt, startMs, useWriterSession } from '../../../tests/support/writer-session.ts';

const fixture = useWriterSession();
const { apply, count, row, column, tamper } = fixture;

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
      fixture.look
        .prepare('SELECT original_filename, uploaded_by FROM conversation_files ORDER BY session_id')
        .all(),
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
    expect(column('SELECT action FROM audit_entries ORDER BY audit_id')).toEqual([
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

  test('a session restored has all of its files back, with name, metadata and associations, and is live', () => {
    const made = storeEntry('x', { metadata: { page: '/login' }, messageId: 'm1' });
    apply(made, storeEntry('y'), storeEntry('x', { sessionId: 's2' }));
    apply(
      entry('session-cleanup', { sessionId: 's1', mode: 'soft' }),
      entry('session-end', { sessionId: 's1' }),
    );
    apply(entry('file-delete', { sessionId: 's2', fileId: idOf(made) }));
    const [result] = apply(entry('session-restore', { sessionId: 's1' }));
    expect(receipt(result)).toMatchObject({ outcome: 'applied', files: 2 });
    expect(count('conversation_files', 'is_deleted = 1 OR deleted_at_ms IS NOT NULL')).toBe(0);
    expect(count('file_metadata', `file_id = '${idOf(made)}'`)).toBe(1);
    expect(count('session_file_associations', "message_id = 'm1'")).toBe(1);
    expect(count('file_access_log', "access_type = 'restore'")).toBe(2);
    expect(count('audit_entries', "action = 'session-restore'")).toBe(3);
    expect(row("SELECT state FROM sessions WHERE session_id = 's1'")).toEqual({ state: 'live' });
    expect(receipt(apply(entry('session-restore', { sessionId: 's1' }))[0])).toMatchObject({ files: 0 });
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
    expect(() => tamper("UPDATE audit_entries SET action = 'x'")).toThrow('append-only');
    expect(() => tamper('DELETE FROM audit_entries')).toThrow('append-only');
  });
});
