// What was written by a clock that was behind: sessions wait anew, and nothing goes before.

import { WriterSession } from '@filefleet/store';
import { expect, test } from 'vitest';
import { dayMs, drain, eventsOf, thirtyDays } from '../../../../tests/support/maintaining.ts';
import { entry, idOf, storeEntry } from '../../../../tests/support/operations.ts';
import { startMs, useWriterSession } from '../../../../tests/support/writer-session.ts';

const fixture = useWriterSession();
const { apply, clock, count, row, column } = fixture;

const retain = () => eventsOf(drain(fixture.session, { kind: 'retention' }));
const postpone = (sinceAuditId: number) => fixture.session.maintain({ kind: 'postpone', sinceAuditId });
const head = () => Number(row('SELECT max(audit_id) AS id FROM audit_entries').id ?? 0);
const timesOf = (sessionId: string) =>
  row(
    `SELECT last_activity_at_ms - ${startMs} AS used, ended_at_ms - ${startMs} AS ended,
       cleaned_at_ms - ${startMs} AS cleaned FROM sessions WHERE session_id = ?`,
    sessionId,
  );
const end = (sessionId: string) => apply(entry('session-end', { sessionId }, { atMs: clock.now }));
const postponed = () =>
  column("SELECT session_id FROM audit_entries WHERE action = 'session-postponed' ORDER BY session_id");

/** Stored and ended while the clock was 40 days behind; then it is right. */
function endBehind(...sessionIds: string[]): void {
  clock.now = startMs - 40 * dayMs;
  for (const sessionId of sessionIds) {
    apply(storeEntry(sessionId, { sessionId }, { atMs: clock.now }));
    end(sessionId);
  }
  clock.now = startMs;
}

test('a session that ended while the clock was far behind keeps its files for 30 days from when it is right', () => {
  endBehind('s1');
  postpone(0);
  expect(retain()).toEqual([{ event: 'sessions.postponed', sessions: 1 }]);
  expect(timesOf('s1')).toEqual({ used: 0, ended: 0, cleaned: null });
  clock.now += 30 * dayMs - 1;
  expect(retain()).toEqual([]);
  clock.now += 1;
  expect(retain()).toMatchObject([{ event: 'session.cleaned' }]);
  expect(postponed()).toEqual(['s1']);
});

test('nothing before the doubt is touched, and nothing is made earlier', () => {
  apply(storeEntry('before', { sessionId: 'before' }));
  end('before');
  const since = head();
  clock.now += dayMs;
  apply(storeEntry('ahead', { sessionId: 'ahead' }));
  clock.now -= 40 * dayMs;
  end('ahead');
  clock.now = startMs + 1;
  postpone(since);
  expect(retain()).toEqual([{ event: 'sessions.postponed', sessions: 1 }]);
  expect(timesOf('before')).toEqual({ used: 0, ended: 0, cleaned: null });
  expect(timesOf('ahead')).toEqual({ used: dayMs, ended: 1, cleaned: null });
});

test('one that is live is not ended for want of activity, one that was cleaned is not purged', () => {
  fixture.session.maintain({ kind: 'policy', policy: { ...thirtyDays, idleAfterMs: 10 * dayMs } });
  clock.now = startMs - 100 * dayMs;
  const made = storeEntry('copied', { sessionId: 'live' }, { atMs: clock.now });
  apply(made, storeEntry('x', { sessionId: 'cleaned' }, { atMs: clock.now }));
  end('cleaned');
  clock.now += 30 * dayMs;
  fixture.session.maintain({ kind: 'retention' });
  expect(timesOf('cleaned').cleaned).toBe(-70 * dayMs);
  apply(storeEntry('y', { sessionId: 'live' }, { atMs: clock.now }));
  const copy = { sessionId: 'live', fileId: idOf(made), toSessionId: 'copied to' };
  apply(entry('file-copy', copy, { atMs: clock.now }));
  clock.now = startMs;
  postpone(0);
  expect(retain()).toEqual([{ event: 'sessions.postponed', sessions: 3 }]);
  expect(timesOf('cleaned')).toEqual({ used: 0, ended: 0, cleaned: 0 });
  expect([timesOf('live'), timesOf('copied to')]).toEqual([
    { used: 0, ended: null, cleaned: null },
    { used: 0, ended: null, cleaned: null },
  ]);
});

test('in slices, over kills, each session once; retention waits until the last one has its time', async () => {
  const reopen = async () => {
    fixture.session.close();
    const { dataDir } = fixture;
    fixture.session = await WriterSession.open({ dataDir, clock, monotonic: () => 0 });
  };
  const sessionIds = Array.from({ length: 150 }, (_, n) => `s${n}`);
  endBehind(...sessionIds, ...sessionIds);
  const entries = head();
  expect(entries).toBe(600);
  postpone(0);
  let slices = 0;
  for (const seen: unknown[] = []; seen.length === 0; slices++) {
    await reopen();
    const slice = fixture.session.maintain({ kind: 'retention' });
    clock.now += 1; // of one moment, although time passes
    expect([slice.more, count('conversation_files', 'is_deleted = 1')]).toEqual([true, 0]);
    expect(slice.rows).toBeLessThanOrEqual(200);
    seen.push(...slice.events);
  }
  expect(slices).toBe(4);
  expect([postponed().length, count('sessions', `ended_at_ms = ${startMs}`)]).toEqual([150, 150]);
  expect(retain()).toEqual([]);
});

test('a second doubt begins at the earlier of the two, and a later one finds again who waited because of it', () => {
  endBehind('s1', 's2');
  const sinceS2 = head() - 2;
  postpone(sinceS2);
  postpone(head());
  expect(retain()).toMatchObject([{ sessions: 1 }, { event: 'session.cleaned', sessionId: 's1' }]);
  clock.now = startMs + 40 * dayMs; // what was thought to be right was far behind as well
  postpone(sinceS2 + 2);
  expect(retain()).toEqual([{ event: 'sessions.postponed', sessions: 2 }]);
  expect(timesOf('s2').ended).toBe(40 * dayMs);
});

test('where the audit was pruned meanwhile, all sessions wait: nobody knows any more whom it named', () => {
  endBehind('s1', 's2');
  fixture.session.maintain({ kind: 'audit-prune', beforeMs: startMs - dayMs });
  expect(column('SELECT session_id FROM audit_entries')).toEqual(['s2', null]);
  postpone(0);
  expect(retain()).toEqual([{ event: 'sessions.postponed', sessions: 2 }]);
  expect(count('sessions', `ended_at_ms = ${startMs}`)).toBe(2);
});
