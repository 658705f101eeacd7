// One test for each known defect (D1-D12) of the program that an adopted database comes from, as far as the store can show it.
// Beside them: `upgrade.test.ts` heals what a database of 001 brings along, `group-files.test.ts` has more of sharing,
// `life/` more of cleanup, `tests/faults/power-loss` more of D9, `lock.test.ts` and `tests/faults/two-writers.test.ts` more of
// D11, `reader-errors.test.ts` more of D12; the writer's `content.test.ts` has the sniffing of D10.

import { ContentDesk, openReader, WriterSession } from '@filefleet/store';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { dayMs, drain, eventsOf } from '../../../tests/support/maintaining.ts';
import { entry, idOf, type OperationEntry, sha256, storeEntry } from '../../../tests/support/operations.ts';
import { receipt, useWriterSession } from '../../../tests/support/writer-session.ts';

const fixture = useWriterSession();
const { apply, clock, count, row, column, tamper } = fixture;

let reader: ReturnType<typeof openReader>;
beforeEach(() => {
  reader = openReader({ dataDir: fixture.dataDir });
});
afterEach(() => reader.close());

async function read(made: OperationEntry): Promise<string> {
  const { stream } = await reader.openContent(idOf(made));
  return Buffer.concat(await stream.toArray()).toString();
}
const inSession = (sessionId: string, made: OperationEntry) => ({ sessionId, fileId: idOf(made) });
const retain = () => eventsOf(drain(fixture.session, { kind: 'retention' }));

/** Two sessions with the same bytes. */
function shared(): { mine: OperationEntry; yours: OperationEntry } {
  const mine = storeEntry('same', { sessionId: 'a', filename: 'mine.txt', actor: 'ann' });
  const yours = storeEntry('same', { sessionId: 'b', filename: 'yours.txt', actor: 'ben' });
  apply(mine, yours);
  return { mine, yours };
}

test('D1: an edited file is a new content; other sessions go on seeing theirs', async () => {
  const { mine, yours } = shared();
  const edited = storeEntry('changed', { sessionId: 'a', filename: 'mine.txt' });
  apply(edited, entry('file-delete', inSession('a', mine)));
  expect(await Promise.all([edited, yours].map(read))).toEqual(['changed', 'same']);
  expect(column('SELECT digest FROM blobs ORDER BY size')).toEqual([sha256('same'), sha256('changed')]);
});

test('D2: purging one session’s files leaves rows and bytes that others use; bytes go with the last row, by the sweep alone', async () => {
  const { mine, yours } = shared();
  apply(entry('session-cleanup', { sessionId: 'a', mode: 'hard' }));
  drain(fixture.session, { kind: 'sweep', graceMs: 0 });
  await expect(read(mine)).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  expect(await read(yours)).toBe('same');
  apply(entry('file-purge', inSession('b', yours)));
  expect(count('blobs')).toBe(1);
  drain(fixture.session, { kind: 'sweep', graceMs: 0 });
  expect(count('blobs')).toBe(0);
});

test('D3: each file keeps its own name, uploader and metadata; a rename shows nowhere else', () => {
  const { mine, yours } = shared();
  apply(
    entry('file-rename', { ...inSession('a', mine), filename: 'renamed.txt' }),
    entry('file-annotate', { ...inSession('a', mine), metadata: { colour: 'red' } }),
  );
  expect(reader.getFile(idOf(mine))).toMatchObject({ filename: 'renamed.txt', uploadedBy: 'ann' });
  expect(reader.getFile(idOf(yours))).toMatchObject({ filename: 'yours.txt', uploadedBy: 'ben' });
  expect(reader.getMetadata(idOf(yours))).toEqual({});
});

test('D4: what is due is cleaned up, on schedule and on request, and the queue does not pile up', () => {
  apply(storeEntry('x'), entry('session-end', { sessionId: 's1' }));
  apply(storeEntry('y', { sessionId: 's2' }), entry('session-end', { sessionId: 's2' }));
  expect(reader.listPendingCleanups()).toHaveLength(2);
  apply(entry('session-cleanup', { sessionId: 's2', mode: 'soft' }));
  expect(reader.listPendingCleanups()).toHaveLength(1);
  clock.now += 30 * dayMs;
  retain();
  expect([reader.listPendingCleanups(), count('conversation_files', 'is_deleted = 1')]).toEqual([[], 2]);
  clock.now += 30 * dayMs;
  retain();
  expect([count('conversation_files'), count('file_cleanup_queue')]).toEqual([0, 0]);
});

test('D5: a deduplicated store has its audit entry; without one there is no effect either', () => {
  const { yours } = shared();
  expect(reader.listAudit({ fileId: idOf(yours) })).toMatchObject([
    { action: 'file-store', actor: 'ben', details: { deduplicated: true } },
  ]);
  tamper(`CREATE TRIGGER no_audit BEFORE INSERT ON audit_entries WHEN NEW.file_id IS NOT NULL
          BEGIN SELECT RAISE(ABORT, 'no audit today'); END`);
  expect(receipt(apply(storeEntry('same', { sessionId: 'c' }))[0])).toMatchObject({ outcome: 'refused' });
  apply(entry('session-end', { sessionId: 'a' }));
  clock.now += 30 * dayMs;
  expect(() => fixture.session.maintain({ kind: 'retention' })).toThrow('no audit today');
  expect([count('conversation_files'), count('conversation_files', 'is_deleted = 1')]).toEqual([2, 0]);
});

test('D6: the audit outlives its file, its session and its bytes, and cannot be changed', () => {
  const made = storeEntry('x');
  apply(made, entry('session-end', { sessionId: 's1' }));
  for (let step = 0; step < 2; step += 1) {
    clock.now += 30 * dayMs;
    retain();
  }
  drain(fixture.session, { kind: 'sweep', graceMs: 0 });
  expect(count('conversation_files') + count('sessions') + count('blobs') + count('file_access_log')).toBe(0);
  const actions = reader.listAudit({ fileId: idOf(made) }).map(({ action }) => action);
  expect(actions).toEqual(['file-purge', 'file-delete', 'file-store']);
  expect(() => tamper('DELETE FROM audit_entries')).toThrow('append-only');
});

test('D7: a live session’s files are never cleaned, whatever reminders say; the clock starts at its end', () => {
  apply(storeEntry('x'));
  tamper(`INSERT INTO file_cleanup_queue (file_id, session_id, scheduled_deletion_time)
          SELECT file_id, session_id, '2001-01-01 00:00:00' FROM conversation_files`);
  clock.now += 29 * dayMs;
  expect(retain()).toEqual([]);
  apply(entry('session-end', { sessionId: 's1' }));
  clock.now += 30 * dayMs - 1;
  expect(retain()).toEqual([]);
  clock.now += 1;
  expect(retain()).toMatchObject([{ event: 'session.cleaned' }]);
});

test('D8: an association without a message binds too', () => {
  const made = storeEntry('x');
  apply(made, entry('file-link', inSession('s1', made)), entry('file-link', inSession('s1', made)));
  expect(reader.listAssociations(idOf(made))).toHaveLength(1);
  expect(() =>
    tamper(
      `INSERT INTO session_file_associations (session_id, file_id) SELECT session_id, file_id FROM conversation_files`,
    ),
  ).toThrow('UNIQUE');
});

test('D9: bytes are durable before the row that names them, and the row before the receipt', async () => {
  const steps: string[] = [];
  fixture.session.close();
  const probe = (step: string) => void steps.push(step);
  fixture.session = await WriterSession.open({ dataDir: fixture.dataDir, clock, probe });
  const desk = new ContentDesk(fixture.dataDir, fixture.session.epoch, probe);
  const draft = await desk.beginBlob();
  await draft.write(Buffer.from('large'));
  const content = { kind: 'file', name: await draft.keep(sha256('large')), mimeType: null } as const;
  expect(count('blobs')).toBe(0);
  apply(storeEntry('large', {}, { content }));
  desk.close();
  const order = ['content.written', 'content.kept', 'commit.begun', 'commit.done'];
  expect(steps.filter((step) => order.includes(step))).toEqual(order);
});

test('D10: the type is that of the bytes, whatever the name says; a mismatch is recorded, nothing is refused', () => {
  const bytes = Buffer.from('%PDF-1.7');
  const content = { kind: 'inline', bytes, mimeType: 'application/pdf' } as const;
  const made = storeEntry('%PDF-1.7', { filename: 'photo.gif', mimeType: 'image/gif' }, { content });
  expect(receipt(apply(made)[0])).toMatchObject({ outcome: 'applied' });
  expect(reader.getFile(idOf(made))).toMatchObject({
    mimeType: 'application/pdf',
    declaredMimeType: 'image/gif',
  });
  expect(reader.listAudit({ fileId: idOf(made) })).toMatchObject([
    { details: { mimeType: 'application/pdf', declaredMimeType: 'image/gif' } },
  ]);
});

test('D11: there is one writer; a second one is refused, and one that was replaced changes nothing', async () => {
  const again = WriterSession.open({ dataDir: fixture.dataDir, clock });
  await expect(again).rejects.toMatchObject({ code: 'LOCK_HELD' });
  apply(storeEntry('x'), entry('session-end', { sessionId: 's1' }));
  tamper("INSERT INTO writer_epochs (holder, pid, started_at_ms) VALUES ('other', 1, 1)");
  clock.now += 30 * dayMs;
  const replaced = expect.objectContaining({ code: 'EPOCH_SUPERSEDED' });
  expect(() => apply(storeEntry('y'))).toThrow(replaced);
  expect(() => fixture.session.maintain({ kind: 'retention' })).toThrow(replaced);
  expect([count('conversation_files'), count('conversation_files', 'is_deleted = 1')]).toEqual([1, 0]);
});

test('D12: what cannot be answered is an error, never an empty list; names are text, never patterns', () => {
  apply(storeEntry('x', { sessionId: 'a_c' }), storeEntry('y', { sessionId: 'abc' }));
  expect(reader.listSessionFiles('a_c').files).toHaveLength(1);
  expect(reader.listSessionFiles('a%').files).toEqual([]);
  tamper('ALTER TABLE plans RENAME TO lost');
  expect(() => reader.listPlans()).toThrow(/plans/);
  reader.close();
  expect(() => reader.listSessionFiles('abc')).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  expect(row('SELECT count(*) AS files FROM conversation_files')).toEqual({ files: 2 });
});
