// Plans: what they say will go is what goes, to the byte, or nothing goes.

import { openReader, type PlanFacts, WriterSession } from '@filefleet/store';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { dayMs, drain, eventsOf, sweptOf } from '../../../../../tests/support/maintaining.ts';
import { entry, idOf, storeEntry } from '../../../../../tests/support/operations.ts';
import { receipt, startMs, useWriterSession } from '../../../../../tests/support/writer-session.ts';

const fixture = useWriterSession();
const { apply, clock, count, column, row } = fixture;

/** Only rows bound a slice, so that every run has the same ones. */
async function reopen(): Promise<void> {
  fixture.session.close();
  const { dataDir } = fixture;
  fixture.session = await WriterSession.open({ dataDir, clock, monotonic: () => 0 });
}
beforeEach(reopen);

let reader: ReturnType<typeof openReader> | undefined;
afterEach(() => {
  reader?.close();
  reader = undefined;
});
function planOf(planId: string): PlanFacts {
  reader ??= openReader({ dataDir: fixture.dataDir });
  const plan = reader.getPlan(planId);
  if (!plan) throw new Error(`expected plan ${planId} to be there, got none`);
  return plan;
}

function ask(plan: Record<string, unknown>): string {
  const made = entry('plan-make', { plan, actor: 'olga' }, { atMs: clock.now });
  expect(receipt(apply(made)[0])).toMatchObject({ outcome: 'applied' });
  return idOf(made);
}
const askToApply = (planId: string) =>
  receipt(apply(entry('plan-apply', { planId }, { atMs: clock.now }))[0]);
const work = () => drain(fixture.session, { kind: 'plan' });

function make(plan: Record<string, unknown>): PlanFacts {
  const planId = ask(plan);
  work();
  return planOf(planId);
}
function applyPlan(planId: string): PlanFacts {
  expect(askToApply(planId)).toMatchObject({ outcome: 'applied' });
  work();
  return planOf(planId);
}
const bytesHeld = () =>
  Number(row("SELECT sum(bytes) AS held FROM blob_usage WHERE location <> 'unreferenced'").held);
const reclaimable = () => Number(row("SELECT bytes FROM blob_usage WHERE location = 'unreferenced'").bytes);

/** 300 files of 40 contents in three sessions; some contents are in one session only, some in all, one is empty. */
function storeMuch(): void {
  const texts = Array.from({ length: 40 }, (_, n) => 'x'.repeat(n * 7));
  for (const [nth, sessionId] of ['a', 'b', 'c'].entries()) {
    const own = texts.filter((_, n) => n % 3 === nth || n % 5 === 0);
    apply(...Array.from({ length: 100 }, (_, n) => storeEntry(own[n % own.length] ?? '', { sessionId })));
  }
}

describe('the figures of a plan', () => {
  test('to clean a session up for good are what goes, to the byte, under heavy sharing', () => {
    storeMuch();
    apply(entry('session-cleanup', { sessionId: 'b', mode: 'soft' }));
    const plan = make({ kind: 'cleanup', mode: 'hard', sessionId: 'a' });
    expect(plan).toMatchObject({ state: 'ready', actor: 'olga', planned: { rows: 100, sessions: 1 } });
    expect(plan.planned.blobs).toBeGreaterThan(0);
    expect(plan.planned.blobs).toBeLessThan(count('blobs'));
    expect(plan.digest).toMatch(/^[0-9a-f]{64}$/);
    expect([count('conversation_files'), reclaimable()]).toEqual([300, 0]);

    const done = applyPlan(plan.planId);
    const { sessions: _, ...planned } = plan.planned;
    expect(done).toMatchObject({ state: 'applied', done: { ...planned, skipped: 0 } });
    expect([count('conversation_files'), reclaimable()]).toEqual([200, plan.planned.blobBytes]);
    const held = bytesHeld();
    drain(fixture.session, { kind: 'sweep', graceMs: 0 });
    expect(held - bytesHeld()).toBe(plan.planned.blobBytes);
    const gone = `action = 'file-purge' AND operation_id = '${plan.planId}' AND actor = 'olga'`;
    expect(count('audit_entries', gone)).toBe(100);
  });

  test('to delete a session softly name its files and no bytes; all of them can be restored', () => {
    storeMuch();
    const plan = make({ kind: 'cleanup', mode: 'soft', sessionId: 'a' });
    expect(plan.planned).toEqual({ rows: 100, blobs: 0, blobBytes: 0, sessions: 1 });
    expect(applyPlan(plan.planId)).toMatchObject({ state: 'applied', done: { rows: 100, blobBytes: 0 } });
    expect(count('conversation_files', 'is_deleted = 1')).toBe(100);
  });

  test('of everything due now are those of retention, which has nothing left to do then', () => {
    storeMuch();
    for (const sessionId of ['a', 'b']) apply(entry('session-end', { sessionId }));
    clock.now += 30 * dayMs;
    const soft = make({ kind: 'cleanup', mode: 'soft' });
    expect(soft.planned).toEqual({ rows: 200, blobs: 0, blobBytes: 0, sessions: 2 });
    const events = () => eventsOf(drain(fixture.session, { kind: 'retention' }));
    expect(applyPlan(soft.planId).state).toBe('applied');
    expect([count('sessions', 'cleaned_at_ms IS NOT NULL'), events()]).toEqual([2, []]);
    clock.now += 30 * dayMs;
    const hard = make({ kind: 'cleanup', mode: 'hard' });
    expect(hard.planned).toMatchObject({ rows: 200, sessions: 2 });
    expect(applyPlan(hard.planId)).toMatchObject({
      done: { rows: 200, blobBytes: hard.planned.blobBytes, skipped: 0 },
    });
    expect([reclaimable(), count('sessions'), events()]).toEqual([hard.planned.blobBytes, 1, []]);
  });

  test('to purge count the named, those of a session, or those deleted before a moment in sessions that ended', () => {
    const [one, two, other] = ['one', 'two', 'other'].map((text) =>
      storeEntry(text, { sessionId: text === 'other' ? 'b' : 'a' }),
    ) as [ReturnType<typeof storeEntry>, ReturnType<typeof storeEntry>, ReturnType<typeof storeEntry>];
    apply(one, two, other, storeEntry('two', { sessionId: 'live' }));
    const remove = (sessionId: string, made: typeof one) =>
      apply(entry('file-delete', { sessionId, fileId: idOf(made) }));
    remove('a', one);
    clock.now += 1_000;
    remove('a', two);
    remove('b', other);
    apply(entry('session-end', { sessionId: 'a' }));
    const planned = (plan: Record<string, unknown>) => make({ kind: 'purge', ...plan }).planned;
    const both = { rows: 2, blobs: 1, blobBytes: 3, sessions: 1 };
    expect(planned({ sessionId: 'a' })).toEqual(both);
    expect(planned({ deletedBeforeMs: startMs + 1 })).toEqual({ ...both, rows: 1 });
    expect(planned({ deletedBeforeMs: clock.now + 1 })).toEqual(both);
    expect(planned({ fileIds: [idOf(two), idOf(other)] })).toEqual({
      rows: 2,
      blobs: 1,
      blobBytes: 5,
      sessions: 2,
    });
    const named = make({ kind: 'purge', fileIds: [idOf(other)] });
    expect(applyPlan(named.planId)).toMatchObject({ state: 'applied', done: { rows: 1, blobBytes: 5 } });
    expect(count('conversation_files', 'is_deleted = 1')).toBe(2);
  });

  test('of a sweep are the contents that nobody names, and those go', () => {
    storeMuch();
    apply(entry('session-cleanup', { sessionId: 'a', mode: 'hard' }));
    expect(make({ kind: 'sweep' }).planned).toMatchObject({ rows: 0, blobBytes: 0 });
    const expected = reclaimable();
    clock.now += dayMs;
    const plan = make({ kind: 'sweep' });
    expect(plan.planned).toMatchObject({ blobs: count('unreferenced_blobs'), blobBytes: expected });
    askToApply(plan.planId);
    const slices = work();
    expect(sweptOf(slices).reduce((sum, { size }) => sum + size, 0)).toBe(expected);
    expect(planOf(plan.planId).done).toMatchObject({ blobBytes: expected, skipped: 0 });
    expect([
      count('unreferenced_blobs'),
      count('blobs', 'NOT EXISTS (SELECT 1 FROM conversation_files WHERE file_hash = digest)'),
    ]).toEqual([0, 0]);
  });
});

test('a sweep that names no grace keeps to the one that is configured, when it is made and when it is applied', () => {
  apply(storeEntry('soon gone'));
  apply(entry('session-cleanup', { sessionId: 's1', mode: 'hard' }));
  const workWithin = (graceMs: number) => drain(fixture.session, { kind: 'plan', graceMs });
  workWithin(0); // the grace begins when somebody first looks
  const made = (graceMs: number) => {
    const planId = ask({ kind: 'sweep' });
    workWithin(graceMs);
    return planOf(planId);
  };
  expect(made(0).planned).toMatchObject({ rows: 1 });
  clock.now += 2 * dayMs;
  expect(made(3 * dayMs).planned).toMatchObject({ rows: 0 });
  const plan = made(dayMs);
  expect(plan.planned).toMatchObject({ rows: 1 });
  askToApply(plan.planId);
  workWithin(3 * dayMs);
  expect(planOf(plan.planId).state).toBe('stale');
});

describe('a plan that is out of date', () => {
  const purgeA = { kind: 'cleanup', mode: 'hard', sessionId: 'a' };
  const differences: [string, () => void][] = [
    [
      'a file renamed',
      () => apply(entry('file-rename', { sessionId: 'a', fileId: anyFile(), filename: 'new' })),
    ],
    ['a file deleted', () => apply(entry('file-delete', { sessionId: 'a', fileId: anyFile() }))],
    ['the same bytes stored elsewhere', () => apply(storeEntry('x'.repeat(35), { sessionId: 'z' }))],
    ['a hold', () => apply(entry('session-hold', { sessionId: 'a', hold: true }))],
    ['a file purged', () => apply(entry('file-purge', { sessionId: 'a', fileId: anyFile() }))],
  ];
  const anyFile = () =>
    String(column("SELECT file_id FROM conversation_files WHERE session_id = 'a' LIMIT 1")[0]);

  test.each(differences)('because of %s is stale, and nothing goes', (_what, differ) => {
    storeMuch();
    const plan = make(purgeA);
    differ();
    const before = count('conversation_files');
    expect(applyPlan(plan.planId)).toMatchObject({ state: 'stale', done: { rows: 0, blobBytes: 0 } });
    expect(count('conversation_files')).toBe(before);
    expect(askToApply(plan.planId)).toMatchObject({ code: 'PLAN_NOT_READY' });
  });

  test('is not stale because of what it did not select', () => {
    storeMuch();
    const plan = make(purgeA);
    apply(storeEntry('new bytes', { sessionId: 'a' }), storeEntry('others', { sessionId: 'b' }));
    expect(applyPlan(plan.planId)).toMatchObject({ state: 'applied', done: { rows: 100 } });
    expect(count('conversation_files', "session_id = 'a'")).toBe(1);
  });

  test('because a session that was due is used again is stale', () => {
    storeMuch();
    apply(entry('session-end', { sessionId: 'a' }));
    clock.now += 30 * dayMs;
    const plan = make({ kind: 'cleanup', mode: 'soft' });
    apply(storeEntry('again', { sessionId: 'a' }));
    expect(applyPlan(plan.planId).state).toBe('stale');
  });

  test('after an hour cannot be applied; its rows go, and after a day the plan itself', () => {
    storeMuch();
    const plan = make(purgeA);
    clock.now += 3_600_000 - 1;
    expect(work().at(-1)?.events).toEqual([]);
    clock.now += 1;
    expect(askToApply(plan.planId)).toMatchObject({ code: 'PLAN_EXPIRED' });
    expect(eventsOf(work())).toMatchObject([{ event: 'plan.finished', state: 'expired' }]);
    expect([planOf(plan.planId).state, count('plan_rows')]).toEqual(['expired', 0]);
    clock.now += dayMs;
    work();
    expect(count('plans')).toBe(0);
    expect(askToApply(plan.planId)).toMatchObject({ code: 'PLAN_UNKNOWN' });
  });

  test('does not pile up: sixteen may wait, a hundred finished ones are kept', () => {
    const ids = Array.from({ length: 120 }, () => {
      clock.now += 1;
      return ask({ kind: 'sweep' });
    });
    work();
    expect([count('plans', "state = 'ready'"), count('plans', "state = 'expired'")]).toEqual([16, 100]);
    expect(askToApply(ids.at(-1) ?? '')).toMatchObject({ outcome: 'applied' });
  });
});

test('what cannot be planned is refused at once', () => {
  apply(storeEntry('x'), entry('session-hold', { sessionId: 's1', hold: true }));
  const refusal = (plan: Record<string, unknown>) => receipt(apply(entry('plan-make', { plan }))[0]);
  const held = { code: 'SESSION_HELD' };
  expect(refusal({ kind: 'cleanup', mode: 'hard', sessionId: 's1' })).toMatchObject(held);
  expect(refusal({ kind: 'purge', sessionId: 's1' })).toMatchObject(held);
  const invalid = { code: 'PAYLOAD_INVALID' };
  expect(refusal({ kind: 'retention', softAfterMs: null })).toMatchObject(invalid);
  expect(refusal({ kind: 'retention', sessionId: 's1', spaceBytes: 5 })).toMatchObject(invalid);
  expect(count('plans')).toBe(0);
});
