// Plans whose writer ends between any two slices, plans that change the spans of retention, and what comes between the slices
// of one that is being applied.

import { openReader, WriterSession } from '@filefleet/store';
import { expect, test } from 'vitest';
import { dayMs, drain, eventsOf, thirtyDays } from '../../../../../tests/support/maintaining.ts';
import { entry, idOf, storeEntry } from '../../../../../tests/support/operations.ts';
import { receipt, useWriterSession } from '../../../../../tests/support/writer-session.ts';

const fixture = useWriterSession();
const { apply, clock, count, row } = fixture;

/** A tenure that ends without a word, and the next one. Only rows bound a slice. */
async function crash(): Promise<void> {
  fixture.session.close();
  const { dataDir } = fixture;
  fixture.session = await WriterSession.open({ dataDir, clock, monotonic: () => 0 });
}
const planSlice = () => fixture.session.maintain({ kind: 'plan' });

function make(plan: Record<string, unknown>): string {
  const made = entry('plan-make', { plan }, { atMs: clock.now });
  expect(receipt(apply(made)[0])).toMatchObject({ outcome: 'applied' });
  drain(fixture.session, { kind: 'plan' });
  return idOf(made);
}
function askToApply(planId: string): void {
  const [result] = apply(entry('plan-apply', { planId }, { atMs: clock.now }));
  expect(receipt(result)).toMatchObject({ outcome: 'applied' });
}
const figures = (planId: string) =>
  row(
    `SELECT state, rows, done_rows, blobs, done_blobs, blob_bytes, done_blob_bytes, skipped_rows AS skipped
     FROM plans WHERE plan_id = ?`,
    planId,
  );

function storeMany(files: number, sessionId: string): void {
  apply(...Array.from({ length: files }, (_, n) => storeEntry('y'.repeat(n % 90), { sessionId })));
}

test('a plan whose writer ends after every single slice selects, checks and applies everything once', async () => {
  storeMany(450, 'a');
  storeMany(30, 'b');
  const asked = entry('plan-make', { plan: { kind: 'cleanup', mode: 'hard', sessionId: 'a' } });
  const planId = idOf(asked);
  apply(asked);
  let slices = 0;
  const work = async () => {
    do {
      await crash();
      slices += 1;
    } while (planSlice().more && slices < 60);
  };
  await work();
  expect(figures(planId)).toMatchObject({ state: 'ready', rows: 450 });
  askToApply(planId);
  await work();
  expect(slices).toBeGreaterThan(9);
  const { blobs, blob_bytes: bytes } = figures(planId);
  expect(figures(planId)).toEqual({
    state: 'applied',
    rows: 450,
    done_rows: 450,
    blobs: 60,
    done_blobs: 60,
    blob_bytes: bytes,
    done_blob_bytes: bytes,
    skipped: 0,
  });
  expect(row("SELECT blobs, bytes FROM blob_usage WHERE location = 'unreferenced'")).toEqual({
    blobs,
    bytes,
  });
  expect([count('conversation_files'), count('plan_rows')]).toEqual([30, 0]);
  expect(count('audit_entries', "action = 'file-purge'")).toBe(450);
  expect(count('audit_entries', "action = 'plan-finished'")).toBe(1);
});

test('what changes while a plan is being applied is skipped and counted, and so are bytes that are named again', async () => {
  await crash();
  storeMany(450, 'a');
  const planId = make({ kind: 'cleanup', mode: 'soft', sessionId: 'a' });
  askToApply(planId);
  for (let done = 0; done === 0; done = Number(figures(planId).done_rows)) planSlice();
  const late = String(row('SELECT file_id AS id FROM conversation_files WHERE is_deleted = 0').id);
  apply(entry('file-rename', { sessionId: 'a', fileId: late, filename: 'mine' }));
  drain(fixture.session, { kind: 'plan' });
  expect(figures(planId)).toMatchObject({ state: 'applied', done_rows: 449, skipped: 1 });
  expect(row('SELECT is_deleted FROM conversation_files WHERE file_id = ?', late)).toEqual({ is_deleted: 0 });
});

test('a hold that comes while a plan is being applied keeps the files that are left', async () => {
  await crash();
  storeMany(450, 'a');
  const planId = make({ kind: 'cleanup', mode: 'hard', sessionId: 'a' });
  askToApply(planId);
  for (let done = 0; done === 0; done = Number(figures(planId).done_rows)) planSlice();
  apply(entry('session-hold', { sessionId: 'a', hold: true }));
  drain(fixture.session, { kind: 'plan' });
  const { done_rows: done, skipped, done_blob_bytes: bytes } = figures(planId);
  expect(Number(done) + Number(skipped)).toBe(450);
  expect(count('conversation_files')).toBe(skipped);
  expect(skipped).toBeGreaterThan(0);
  expect(row("SELECT bytes FROM blob_usage WHERE location = 'unreferenced'")).toEqual({ bytes });
});

test('a small plan is checked and applied in one transaction', async () => {
  await crash();
  storeMany(150, 'a');
  const planId = make({ kind: 'cleanup', mode: 'hard', sessionId: 'a' });
  askToApply(planId);
  const before = Number(row('SELECT commit_sequence AS n FROM commit_state').n);
  const purges = () =>
    row("SELECT count(DISTINCT commit_sequence) AS n FROM audit_entries WHERE action = 'file-purge'");
  drain(fixture.session, { kind: 'plan' });
  expect(purges()).toEqual({ n: 1 });
  expect(row("SELECT commit_sequence AS n FROM audit_entries WHERE action = 'plan-finished'")).toEqual({
    n: before + 1,
  });
});

test('shorter spans of the policy go through a plan that names what is due at once', () => {
  fixture.session.maintain({ kind: 'policy', policy: thirtyDays });
  for (const sessionId of ['a', 'b', 'c']) storeMany(10, sessionId);
  apply(entry('session-end', { sessionId: 'a' }), entry('session-end', { sessionId: 'b' }));
  apply(entry('session-hold', { sessionId: 'b', hold: true }));
  clock.now += 10 * dayMs;
  const policy = { ...thirtyDays, softAfterMs: 5 * dayMs, idleAfterMs: 9 * dayMs };
  const [kept] = drain(fixture.session, { kind: 'policy', policy }).flatMap(({ events }) => events);
  expect(kept).toMatchObject({ event: 'policy.kept', inForce: thirtyDays, configured: policy });
  const retain = () => eventsOf(drain(fixture.session, { kind: 'retention' }));
  expect(retain()).toEqual([]);

  const planId = make({ kind: 'retention', softAfterMs: 5 * dayMs, purgeAfterMs: 0 });
  expect(figures(planId)).toMatchObject({ rows: 10, blobs: 0, blob_bytes: 0 });
  askToApply(planId);
  drain(fixture.session, { kind: 'plan' });
  expect(figures(planId)).toMatchObject({ state: 'applied', done_rows: 10 });
  expect(retain()).toMatchObject([{ event: 'session.cleaned', sessionId: 'a' }, { event: 'session.purged' }]);
  const longer = drain(fixture.session, { kind: 'policy', policy: thirtyDays });
  expect(eventsOf(longer)).toEqual([]);
  expect(row('SELECT soft_after_ms AS soft FROM retention_policy')).toEqual({ soft: 30 * dayMs });
});

test('spans of a session’s own go through a plan; readers see when it is due', () => {
  storeMany(10, 'a');
  apply(entry('session-end', { sessionId: 'a' }));
  const planId = make({ kind: 'retention', sessionId: 'a', softAfterMs: 90 * dayMs });
  expect(figures(planId)).toMatchObject({ rows: 0 });
  askToApply(planId);
  drain(fixture.session, { kind: 'plan' });
  const reader = openReader({ dataDir: fixture.dataDir });
  const facts = { softAfterMs: 90 * dayMs, purgeAfterMs: null, dueAtMs: clock.now + 90 * dayMs };
  expect(reader.getSession('a')).toMatchObject(facts);
  reader.close();
  clock.now += 89 * dayMs;
  expect(eventsOf(drain(fixture.session, { kind: 'retention' }))).toEqual([]);
});

test('a space limit goes through a plan that names what it would take; taking it frees those bytes', () => {
  const store = (sessionId: string, text: string) => {
    clock.now += 1_000;
    apply(storeEntry(text.repeat(100), { sessionId }));
  };
  for (const [sessionId, text] of Object.entries({ old: 'a', older: 'b', ended: 'c', shared: 'a' }))
    store(sessionId, text);
  store('new', 'dd');
  apply(entry('session-end', { sessionId: 'ended' }));
  const planId = make({ kind: 'retention', spaceBytes: 300 });
  // 500 bytes are held: 'ended' frees 100, 'old' none that 'shared' does not hold, 'older' the other 100.
  expect(figures(planId)).toMatchObject({ rows: 3, blobs: 2, blob_bytes: 200 });
  askToApply(planId);
  drain(fixture.session, { kind: 'plan' });
  const events = eventsOf(drain(fixture.session, { kind: 'retention' }));
  expect(events.filter(({ event }) => event === 'session.cleaned')).toMatchObject(
    ['ended', 'old', 'older'].map((sessionId) => ({ sessionId })),
  );
  clock.now += dayMs;
  drain(fixture.session, { kind: 'retention' });
  expect(row("SELECT bytes FROM blob_usage WHERE location = 'unreferenced'")).toEqual({ bytes: 200 });
});
