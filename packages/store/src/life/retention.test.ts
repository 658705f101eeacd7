// Retention by the clock of a session's row: what goes, when, and what never does.

import { WriterSession } from '@filefleet/store';
import { describe, expect, test } from 'vitest';
import { dayMs, drain, eventsOf, thirtyDays } from '../../../../tests/support/maintaining.ts';
import { entry, idOf, storeEntry } from '../../../../tests/support/operations.ts';
import { startMs, useWriterSession } from '../../../../tests/support/writer-session.ts';
import { closeFileRemindersSql } from '../sessions.ts';
import { statement } from '../statements.ts';
import { idleSql, retentionQueries } from './retention.ts';
import { oldestSql } from './space-limit.ts';

const fixture = useWriterSession();
const { apply, clock, count, row, column, tamper } = fixture;

const retain = () => eventsOf(drain(fixture.session, { kind: 'retention' }));
const end = (sessionId = 's1') => apply(entry('session-end', { sessionId }));
const actions = (where: string) =>
  column(`SELECT action FROM audit_entries WHERE ${where} ORDER BY audit_id`);

describe('an ended session', () => {
  test('keeps its files for 30 days, then they are deleted softly, and go for good 30 days later', () => {
    apply(storeEntry('one'), storeEntry('two'), storeEntry('two', { sessionId: 's2' }));
    end();
    clock.now = startMs + 30 * dayMs - 1;
    expect(retain()).toEqual([]);
    expect(count('conversation_files', 'is_deleted = 1')).toBe(0);

    clock.now += 1;
    expect(retain()).toEqual([{ event: 'session.cleaned', sessionId: 's1', files: 2 }]);
    expect(count('conversation_files', "is_deleted = 1 AND session_id = 's1'")).toBe(2);
    expect(row("SELECT cleaned_at_ms AS at FROM sessions WHERE session_id = 's1'")).toEqual({
      at: clock.now,
    });

    clock.now += 30 * dayMs - 1;
    expect(retain()).toEqual([]);
    clock.now += 1;
    expect(retain()).toEqual([{ event: 'session.purged', sessionId: 's1', files: 2 }]);
    expect(count('sessions', "session_id = 's1'") + count('usage', "name = 's1'")).toBe(0);
    expect(count('conversation_files', "session_id = 's1'")).toBe(0);
    expect(column('SELECT size FROM unreferenced_blobs')).toEqual([3]); // 'two' is used by s2
    expect(retain()).toEqual([]);
  });

  test('leaves an entry per file and step in the audit, 001’s log and queue go along (D4, D6)', () => {
    const made = storeEntry('one');
    apply(made);
    end();
    expect(count('file_cleanup_queue', 'is_processed = 0')).toBe(1);
    clock.now += 30 * dayMs;
    retain();
    expect(count('file_cleanup_queue', 'is_processed = 0')).toBe(0);
    expect(row("SELECT accessed_by FROM file_access_log WHERE access_type = 'delete'")).toEqual({
      accessed_by: 'retention',
    });
    clock.now += 30 * dayMs;
    retain();
    const ofFile = `file_id = '${idOf(made)}'`;
    expect(actions(ofFile)).toEqual(['file-store', 'file-delete', 'file-purge']);
    expect(count('audit_entries', `${ofFile} AND actor = 'retention'`)).toBe(2);
    expect(actions("session_id = 's1' AND file_id IS NULL")).toEqual([
      'session-end',
      'session-cleaned',
      'session-purged',
    ]);
    const last = row('SELECT max(commit_sequence) AS commits FROM audit_entries');
    expect(row('SELECT commit_sequence AS commits FROM commit_state')).toEqual(last);
  });

  test('that is used again is live: nothing of it goes any more, and what was deleted can be restored', () => {
    const made = storeEntry('one');
    apply(made);
    end();
    clock.now += 29 * dayMs;
    apply(storeEntry('two'));
    clock.now += 365 * dayMs;
    expect(retain()).toEqual([]);
    end();
    clock.now += 30 * dayMs;
    retain();
    apply(entry('file-restore', { sessionId: 's1', fileId: idOf(made) }));
    clock.now += 365 * dayMs;
    expect(retain()).toEqual([]);
    expect(count('conversation_files')).toBe(2);
    expect(row('SELECT state, cleaned_at_ms FROM sessions')).toEqual({ state: 'live', cleaned_at_ms: null });
  });

  test('that is held stays as it is, and retention goes on when the hold is released', () => {
    const hold = (held: boolean) =>
      apply(entry('session-hold', { sessionId: 's1', hold: held }, { atMs: clock.now }));
    const reminders = () => count('file_cleanup_queue', 'is_processed = 0');
    apply(storeEntry('one'));
    end();
    hold(true);
    clock.now += 365 * dayMs;
    expect([retain(), reminders()]).toEqual([[], 0]);
    hold(false);
    hold(false);
    expect(reminders()).toBe(1);
    expect(retain()).toMatchObject([{ event: 'session.cleaned' }]);
    hold(true);
    clock.now += 365 * dayMs;
    expect(retain()).toEqual([]);
    expect(count('conversation_files')).toBe(1);
    hold(false);
    expect(retain()).toMatchObject([{ event: 'session.purged' }]);
  });

  test('goes by spans of its own before those of the policy, shorter or longer', () => {
    apply(storeEntry('a', { sessionId: 'short' }), storeEntry('b', { sessionId: 'long' }));
    end('short');
    end('long');
    tamper(`UPDATE sessions SET soft_after_ms = ${dayMs}, purge_after_ms = ${dayMs} WHERE session_id = 'short';
            UPDATE sessions SET soft_after_ms = ${90 * dayMs} WHERE session_id = 'long'`);
    clock.now += dayMs;
    expect(retain()).toMatchObject([{ event: 'session.cleaned', sessionId: 'short' }]);
    clock.now += dayMs;
    expect(retain()).toMatchObject([{ event: 'session.purged', sessionId: 'short' }]);
    clock.now = startMs + 90 * dayMs - 1;
    expect(retain()).toEqual([]);
    clock.now += 1;
    expect(retain()).toMatchObject([{ event: 'session.cleaned', sessionId: 'long' }]);
  });

  test('without files goes too, and so do those due at the same moment', () => {
    for (const sessionId of ['a', 'b', 'c']) end(sessionId);
    clock.now += 30 * dayMs;
    expect(retain()).toHaveLength(3);
    clock.now += 30 * dayMs;
    expect(retain()).toHaveLength(3);
    expect(count('sessions')).toBe(0);
  });
});

describe('a live session', () => {
  test('keeps its files for ever while nobody set a limit, deleted ones too (D7)', () => {
    const made = storeEntry('one');
    apply(made, storeEntry('two'), entry('file-delete', { sessionId: 's1', fileId: idOf(made) }));
    tamper(`INSERT INTO file_cleanup_queue (file_id, session_id, scheduled_deletion_time)
            SELECT file_id, session_id, '2001-01-01 00:00:00' FROM conversation_files`);
    clock.now += 3_650 * dayMs;
    expect(retain()).toEqual([]);
    expect([count('conversation_files'), count('conversation_files', 'is_deleted = 1')]).toEqual([2, 1]);
  });

  test('ends by itself where the operator opted in, after that long without activity; then its clock begins', () => {
    fixture.session.maintain({ kind: 'policy', policy: { ...thirtyDays, idleAfterMs: 10 * dayMs } });
    apply(storeEntry('one'));
    clock.now += 5 * dayMs;
    apply(storeEntry('two'), storeEntry('held', { sessionId: 's2' }));
    apply(entry('session-hold', { sessionId: 's2', hold: true }));
    clock.now += 10 * dayMs - 1;
    expect(retain()).toEqual([]);
    clock.now += 1;
    expect(retain()).toEqual([{ event: 'session.ended', sessionId: 's1', because: 'idle' }]);
    expect(count('file_cleanup_queue', 'is_processed = 0')).toBe(2);
    clock.now += 30 * dayMs;
    expect(retain()).toEqual([{ event: 'session.cleaned', sessionId: 's1', files: 2 }]);
  });
});

describe('slices', () => {
  /** Never out of time, so that only rows bound a slice; every slice begins in a new tenure, as after a kill. */
  async function reopen(): Promise<void> {
    fixture.session.close();
    const { dataDir } = fixture;
    fixture.session = await WriterSession.open({ dataDir, clock, monotonic: () => 0 });
  }

  test('of at most 200 rows, each committed alone, do all of it once, whatever ends between two of them', async () => {
    apply(...Array.from({ length: 450 }, (_, n) => storeEntry(`file ${n % 50}`)));
    end();
    clock.now += 30 * dayMs;
    const counts: number[] = [];
    const events: unknown[] = [];
    for (let more = true; more; ) {
      await reopen();
      const slice = fixture.session.maintain({ kind: 'retention' });
      ({ more } = slice);
      expect(slice.rows).toBeLessThanOrEqual(200);
      events.push(...slice.events);
      counts.push(count('conversation_files', 'is_deleted = 1'));
    }
    expect(counts).toEqual([200, 400, 450]);
    expect(events).toEqual([{ event: 'session.cleaned', sessionId: 's1', files: 450 }]);
    expect(count('audit_entries', "action = 'file-delete'")).toBe(450);
    clock.now += 30 * dayMs;
    await reopen();
    expect(retain()).toEqual([{ event: 'session.purged', sessionId: 's1', files: 450 }]);
    expect(count('unreferenced_blobs')).toBe(50);
  });

  test('remind of the files of a session that ended by itself, however many, each once and none that is there', async () => {
    fixture.session.maintain({ kind: 'policy', policy: { ...thirtyDays, idleAfterMs: 10 * dayMs } });
    const gone = storeEntry('deleted');
    apply(...Array.from({ length: 450 }, (_, n) => storeEntry(`file ${n % 50}`)), gone);
    apply(
      entry('file-delete', { sessionId: 's1', fileId: idOf(gone) }),
      storeEntry('s2', { sessionId: 's2' }),
    );
    clock.now += 10 * dayMs;
    const reminders = "is_processed = 0 AND scheduled_deletion_time = '2026-02-10 00:00:00'";
    const counts: number[] = [];
    for (let more = true; more; counts.push(count('file_cleanup_queue', reminders))) {
      await reopen();
      ({ more } = fixture.session.maintain({ kind: 'retention' }));
    }
    expect(counts).toEqual([200, 400, 451]);
    expect(count('file_cleanup_queue')).toBe(451);
  });

  test('remind no longer where the session was used or held in between, and never twice', async () => {
    fixture.session.maintain({ kind: 'policy', policy: { ...thirtyDays, idleAfterMs: 10 * dayMs } });
    apply(...Array.from({ length: 300 }, (_, n) => storeEntry(`file ${n}`)));
    clock.now += 10 * dayMs;
    const open = () => count('file_cleanup_queue', 'is_processed = 0');
    const retainOnce = async () => {
      await reopen();
      return fixture.session.maintain({ kind: 'retention' });
    };
    await retainOnce();
    const hold = (held: boolean) =>
      apply(entry('session-hold', { sessionId: 's1', hold: held }, { atMs: clock.now }));
    hold(true);
    expect([(await retainOnce()).more, open()]).toEqual([false, 0]);
    apply(storeEntry('again', {}, { atMs: clock.now }));
    hold(false);
    clock.now += 10 * dayMs;
    await retainOnce();
    hold(true);
    hold(false); // all of them have theirs before the walk goes on
    expect(open()).toBe(301);
    await retainOnce();
    expect(open()).toBe(301);
    await retainOnce();
    apply(storeEntry('used', {}, { atMs: clock.now }));
    expect([(await retainOnce()).more, open()]).toEqual([false, 0]);
  });

  test('end in time: one row at least, and no further one after 10 ms', async () => {
    let now = 0;
    const { dataDir } = fixture;
    fixture.session.close();
    fixture.session = await WriterSession.open({ dataDir, clock, monotonic: () => (now += 6) });
    apply(...Array.from({ length: 20 }, (_, n) => storeEntry(`file ${n}`)));
    end();
    clock.now += 30 * dayMs;
    const slices = drain(fixture.session, { kind: 'retention' });
    expect(slices.length).toBeGreaterThan(10);
    for (const { rows } of slices) expect(rows).toBeLessThanOrEqual(2);
    expect(count('conversation_files', 'is_deleted = 1')).toBe(20);
  });

  test('stop where the session is used again in between', async () => {
    await reopen();
    apply(...Array.from({ length: 300 }, (_, n) => storeEntry(`file ${n}`)));
    end();
    clock.now += 30 * dayMs;
    expect(fixture.session.maintain({ kind: 'retention' })).toMatchObject({ more: true, rows: 200 });
    apply(storeEntry('one more'));
    expect(fixture.session.maintain({ kind: 'retention' })).toMatchObject({ more: false, events: [] });
    expect(count('conversation_files', 'is_deleted = 0')).toBe(101);
  });

  test('leave the number of the store alone when there is nothing to do', () => {
    apply(storeEntry('one'));
    fixture.session.maintain({ kind: 'retention' });
    const before = row('SELECT * FROM commit_state');
    clock.now += 1;
    expect(fixture.session.maintain({ kind: 'retention' })).toMatchObject({ more: false, rows: 0 });
    expect(row('SELECT * FROM commit_state')).toEqual(before);
  });

  test('of a writer that another one replaced do nothing', () => {
    apply(storeEntry('one'));
    end();
    clock.now += 30 * dayMs;
    tamper("INSERT INTO writer_epochs (holder, pid, started_at_ms) VALUES ('other', 1, 1)");
    const replaced = expect.objectContaining({ code: 'EPOCH_SUPERSEDED' });
    expect(() => fixture.session.maintain({ kind: 'retention' })).toThrow(replaced);
    expect(count('conversation_files', 'is_deleted = 1')).toBe(0);
  });

  test('find what is due through an index, however many sessions there are', () => {
    for (const sql of [...retentionQueries, idleSql, oldestSql]) {
      const values = sql === oldestSql ? ['ended'] : [0];
      const steps = statement(fixture.look, `EXPLAIN QUERY PLAN ${sql}`).all(...values);
      const [first, ...others] = (steps as { detail: string }[]).map(({ detail }) => detail);
      expect(first).toMatch(/^SEARCH (s|sessions) USING (COVERING )?INDEX idx_sessions_/);
      expect(others.join()).not.toMatch(/TEMP B-TREE|SCAN/);
    }
    const ofFile = statement(fixture.look, `EXPLAIN QUERY PLAN ${closeFileRemindersSql}`).all(0, 'x');
    expect(ofFile).toMatchObject([{ detail: expect.stringContaining('idx_cleanup_queue_file') }]);
  });
});
