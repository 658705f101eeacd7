// The space limit, the policy in force, and the pruned audit: what operators set in the configuration.

import type { RetentionPolicy } from '@filefleet/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { dayMs, drain, eventsOf, thirtyDays } from '../../../../tests/support/maintaining.ts';
import { entry, idOf, storeEntry } from '../../../../tests/support/operations.ts';
import { startMs, useWriterSession } from '../../../../tests/support/writer-session.ts';
import { chainBeginning, chainedEntries, chainHash } from '../audit-chain.ts';

const fixture = useWriterSession();
const { apply, clock, count, row, column, tamper } = fixture;

const setPolicy = (policy: Partial<RetentionPolicy>) =>
  eventsOf([fixture.session.maintain({ kind: 'policy', policy: { ...thirtyDays, ...policy } })]);
const retain = () => eventsOf(drain(fixture.session, { kind: 'retention' }));
/** 100 bytes of a letter, a second after what was stored before. */
function store(sessionId: string, letter: string, bytes = 100): string {
  clock.now += 1_000;
  const made = storeEntry(letter.repeat(bytes), { sessionId });
  apply(made);
  return idOf(made);
}
const taken = () =>
  column('SELECT session_id FROM sessions WHERE taken_bytes IS NOT NULL ORDER BY session_id');

describe('the space limit', () => {
  beforeEach(() => setPolicy({ spaceBytes: 250 }));

  test('takes the oldest, ended before live, held never, and no more than needed', () => {
    store('held', 'h');
    apply(entry('session-hold', { sessionId: 'held', hold: true }));
    store('live', 'a');
    expect(retain()).toEqual([]);
    store('ended', 'b');
    apply(entry('session-end', { sessionId: 'ended' }));
    expect(retain()).toEqual([{ event: 'session.cleaned', sessionId: 'ended', files: 1 }]);
    expect(retain()).toEqual([]);
    store('new', 'c', 99);
    expect(retain()).toMatchObject([
      { event: 'session.ended', sessionId: 'live', because: 'space' },
      { event: 'session.cleaned', sessionId: 'live' },
    ]);
    expect(retain()).toEqual([]);
    expect(taken()).toEqual(['ended', 'live']);
    expect(
      row("SELECT count(*) AS files FROM file_cleanup_queue WHERE cleanup_reason = 'space_limit'"),
    ).toEqual({ files: 1 });
  });

  test('purges what it took a day later, and until then gives it back to whoever comes back', () => {
    const back = store('back', 'a');
    store('gone', 'b');
    store('new', 'c', 249);
    clock.now += 1;
    expect(retain().map(({ event }) => event)).toHaveLength(4);
    expect(column('SELECT purge_after_ms FROM sessions WHERE taken_bytes IS NOT NULL')).toEqual([
      dayMs,
      dayMs,
    ]);
    apply(entry('file-restore', { sessionId: 'back', fileId: back }));
    expect(row("SELECT state, purge_after_ms, taken_bytes FROM sessions WHERE session_id = 'back'")).toEqual({
      state: 'live',
      purge_after_ms: null,
      taken_bytes: null,
    });
    apply(
      entry('session-hold', { sessionId: 'back', hold: true }),
      entry('session-hold', { sessionId: 'new', hold: true }),
    );
    clock.now += dayMs;
    expect(retain()).toEqual([{ event: 'session.purged', sessionId: 'gone', files: 1 }]);
    expect(count('conversation_files')).toBe(2);
  });

  test('counts shared bytes only when their last file is on its way, also files that were deleted by hand before', () => {
    for (const [sessionId, letter] of Object.entries({ one: 'x', two: 'x', three: 'y' }))
      store(sessionId, letter);
    const byHand = [store('one', 'z'), store('one', 'z')];
    for (const fileId of byHand) apply(entry('file-delete', { sessionId: 'one', fileId }));
    // x, y, z: 300 bytes. Of 'one', which is now the youngest, only z would go; of 'two' nothing without 'one'.
    setPolicy({ spaceBytes: null });
    setPolicy({});
    tamper('UPDATE retention_policy SET space_bytes = 250');
    retain();
    expect(taken()).toEqual(['three', 'two']);
    expect(column('SELECT taken_bytes FROM sessions ORDER BY session_id')).toEqual([null, 100, 0]);
    tamper('UPDATE retention_policy SET space_bytes = 150');
    retain();
    expect(column('SELECT taken_bytes FROM sessions ORDER BY session_id')).toEqual([200, 100, 0]);
    clock.now += dayMs;
    retain();
    expect(row("SELECT bytes FROM blob_usage WHERE location = 'unreferenced'")).toEqual({ bytes: 300 });
  });

  test('stops where nothing is left to take', () => {
    store('held', 'h', 900);
    apply(entry('session-hold', { sessionId: 'held', hold: true }));
    expect(retain()).toEqual([]);
  });
});

describe('the policy', () => {
  test('that a plan made shorter stays so when the configuration says nothing', () => {
    setPolicy({});
    tamper(`UPDATE retention_policy SET soft_after_ms = ${dayMs}, idle_after_ms = ${dayMs}`);
    const inForce = row('SELECT * FROM retention_policy');
    expect(eventsOf([fixture.session.maintain({ kind: 'policy', policy: {} })])).toEqual([]);
    expect(row('SELECT * FROM retention_policy')).toEqual(inForce);
    fixture.session.maintain({ kind: 'policy', policy: { softAfterMs: 2 * dayMs } });
    expect(row('SELECT soft_after_ms AS soft, idle_after_ms AS idle FROM retention_policy')).toEqual({
      soft: 2 * dayMs,
      idle: dayMs,
    });
  });

  const inForce = () =>
    row(
      'SELECT soft_after_ms AS soft, purge_after_ms AS purge, idle_after_ms AS idle, space_bytes AS space FROM retention_policy',
    );

  test('is at first what the configuration says; later only what keeps files longer is taken over', () => {
    const first = { softAfterMs: 5 * dayMs, idleAfterMs: 10 * dayMs, spaceBytes: 1_000 };
    expect(setPolicy(first)).toEqual([]);
    expect(inForce()).toEqual({ soft: 5 * dayMs, purge: 30 * dayMs, idle: 10 * dayMs, space: 1_000 });
    expect(setPolicy(first)).toEqual([]);
    const other = { softAfterMs: dayMs, purgeAfterMs: 60 * dayMs, idleAfterMs: null, spaceBytes: 999 };
    expect(setPolicy(other)).toMatchObject([
      { event: 'policy.kept', inForce: { softAfterMs: 5 * dayMs, spaceBytes: 1_000 }, configured: other },
    ]);
    expect(inForce()).toEqual({ soft: 5 * dayMs, purge: 60 * dayMs, idle: null, space: 1_000 });
    expect(setPolicy({ ...other, idleAfterMs: 1 })).toMatchObject([{ event: 'policy.kept' }]);
    expect(count('audit_entries', "action = 'retention-policy' AND actor = 'configuration'")).toBe(2);
  });

  test('of a store that has run is not shortened by its first configuration either, once one was taken', () => {
    setPolicy({});
    expect(setPolicy({ softAfterMs: 0 })).toMatchObject([{ event: 'policy.kept' }]);
    expect(inForce()).toMatchObject({ soft: 30 * dayMs });
  });
});

describe('the pruned audit', () => {
  const prune = (beforeMs: number) => drain(fixture.session, { kind: 'audit-prune', beforeMs });
  /** Whether the entries that are there hold each other, from the last pruned one on. */
  function isChained(): boolean {
    const state = row('SELECT pruned_through AS through, pruned_hash AS hash FROM audit_state');
    let hash = (state.hash as Buffer | null) ?? chainBeginning;
    for (const one of chainedEntries(fixture.look, Number(state.through))) {
      hash = chainHash(hash, one);
      if (!one.hash?.equals(hash)) return false;
    }
    return true;
  }

  test('loses its beginning, in slices, and the rest holds on to a checkpoint', () => {
    apply(...Array.from({ length: 250 }, (_, n) => storeEntry(`${n}`)));
    clock.now += dayMs;
    apply(storeEntry('young'));
    const pruned = eventsOf(prune(startMs + dayMs));
    expect(pruned.reduce((sum, event) => sum + ('entries' in event ? event.entries : 0), 0)).toBe(250);
    expect(pruned.at(-1)).toMatchObject({ event: 'audit.pruned', through: 250 });
    expect(count('audit_entries', "action = 'file-store'")).toBe(1);
    expect(count('audit_entries', "action = 'audit-checkpoint'")).toBe(pruned.length);
    expect(isChained()).toBe(true);
    expect(eventsOf(prune(startMs + dayMs))).toEqual([]);
    expect(() => tamper('DELETE FROM audit_entries')).toThrow('append-only');
  });

  test('goes by the writer’s time: a look that a reader dates into the future holds nothing up', () => {
    const fileId = store('s1', 'a');
    const entries = [{ fileId, accessType: 'view', atMs: startMs + 1_000 * dayMs }];
    apply(entry('access-record', { entries }));
    store('s1', 'b');
    clock.now += dayMs;
    store('s1', 'c');
    prune(startMs + dayMs);
    expect(count('audit_entries', "action <> 'audit-checkpoint'")).toBe(1);
    expect(isChained()).toBe(true);
  });

  test('keeps what does not hold: it is evidence', () => {
    apply(...Array.from({ length: 5 }, (_, n) => storeEntry(`${n}`)));
    tamper(
      "DROP TRIGGER trg_audit_entries_no_update; UPDATE audit_entries SET actor = 'somebody' WHERE audit_id = 3",
    );
    clock.now += dayMs;
    store('s1', 'young');
    prune(clock.now);
    expect(row('SELECT pruned_through FROM audit_state')).toEqual({ pruned_through: 2 });
    expect(count('audit_entries', "actor = 'somebody'")).toBe(1);
  });
});

describe('notes of periodic tasks', () => {
  test('change what they name and leave the rest', () => {
    const note = (fields: Record<string, unknown>) =>
      fixture.session.maintain({ kind: 'task', task: 'scrub', note: fields });
    note({ dueAtMs: 5, cursor: '7', startedAtMs: 1 });
    note({ dueAtMs: null, finishedAtMs: 2, result: '{"read":3}' });
    expect(row("SELECT * FROM maintenance WHERE task = 'scrub'")).toEqual({
      task: 'scrub',
      due_at_ms: null,
      cursor: '7',
      last_started_at_ms: 1,
      last_finished_at_ms: 2,
      last_result: '{"read":3}',
    });
  });
});
