import { makeOperationId } from '@filefleet/protocol';
import { expect, test } from 'vitest';
import { entry, idOf, storeEntry } from '../../../../tests/support/operations.ts';
import { useWriterSession } from '../../../../tests/support/writer-session.ts';
import { openReader, type StoreReader } from '../index.ts';

const fixture = useWriterSession();

function reading<Result>(act: (reader: StoreReader) => Result): Result {
  const reader = openReader({ dataDir: fixture.dataDir });
  try {
    return act(reader);
  } finally {
    reader.close();
  }
}

/** Follows the cursors to the end. */
function everyPage<Row>(
  read: (cursor: { cursor?: string }) => { rows: readonly Row[]; nextCursor?: string },
) {
  const rows: Row[] = [];
  for (let cursor: { cursor?: string } | undefined = {}; cursor; ) {
    const page = read(cursor);
    rows.push(...page.rows);
    cursor = page.nextCursor === undefined ? undefined : { cursor: page.nextCursor };
  }
  return rows;
}

test('sessions come page by page, by use or by the beginning of their ids, filtered by state', () => {
  for (let n = 0; n < 7; n++) {
    fixture.clock.now += 1_000;
    fixture.apply(storeEntry('x', { sessionId: `${n % 2 ? 'odd' : 'even'}-${n}` }));
  }
  fixture.apply(entry('session-end', { sessionId: 'odd-3' }));
  reading((reader) => {
    const ids = (options: Parameters<StoreReader['pageSessions']>[0]) =>
      everyPage((cursor) => {
        const { sessions, ...rest } = reader.pageSessions({ limit: 2, ...options, ...cursor });
        expect(sessions.length).toBeLessThanOrEqual(2);
        return { rows: sessions.map(({ sessionId }) => sessionId), ...rest };
      });
    expect(ids({})).toEqual(['even-6', 'odd-5', 'even-4', 'odd-3', 'even-2', 'odd-1', 'even-0']);
    expect(ids({ prefix: 'odd-' })).toEqual(['odd-1', 'odd-3', 'odd-5']);
    expect(ids({ prefix: 'odd-', state: 'live' })).toEqual(['odd-1', 'odd-5']);
    expect(ids({ state: 'ended' })).toEqual(['odd-3']);
    expect(ids({ hold: true })).toEqual([]);
    expect(ids({ prefix: '%' })).toEqual([]);
    expect(reader.pageSessions({ prefix: 'odd-' }).sessions).toEqual(
      ['odd-1', 'odd-3', 'odd-5'].map((id) => reader.getSession(id)),
    );
    const { nextCursor = '' } = reader.pageSessions({ limit: 1 });
    expect(() => reader.pageSessions({ limit: 1, state: 'live', cursor: nextCursor })).toThrow(
      expect.objectContaining({ code: 'CURSOR_INVALID' }),
    );
  });
});

test('refused operations are found page by page and by their ids, and applied ones with their receipts', () => {
  const stored = storeEntry('x', { sessionId: 'a' });
  fixture.apply(stored);
  const refused = Array.from({ length: 5 }, (_, n) =>
    entry('file-delete', { sessionId: n < 3 ? 'a' : 'b', fileId: makeOperationId() }),
  );
  fixture.apply(...refused);
  reading((reader) => {
    const letters = everyPage((cursor) => reader.pageDeadLetters({ limit: 2, ...cursor }));
    expect(letters.map(({ operationId }) => operationId).sort()).toEqual(refused.map(idOf).sort());
    expect(reader.pageDeadLetters({ sessionPrefix: 'b' }).rows).toHaveLength(2);
    expect(reader.pageDeadLetters({ code: 'FILE_NOT_FOUND' }).rows).toHaveLength(5);
    expect(reader.pageDeadLetters({ code: 'CONFLICT' }).rows).toEqual([]);
    expect(reader.pageDeadLetters({ vm: 'vm1' }).rows).toEqual([]);
    const [first] = refused;
    expect(first && reader.getOperation(idOf(first))).toMatchObject({
      state: 'refused',
      sessionId: 'a',
      receipt: { outcome: 'refused', code: 'FILE_NOT_FOUND' },
      deadLetter: { code: 'FILE_NOT_FOUND' },
      quarantined: null,
    });
    expect(reader.getOperation(idOf(stored))).toMatchObject({
      state: 'applied',
      name: 'file-store',
      sessionId: 'a',
      receipt: reader.getReceipt(idOf(stored)),
      deadLetter: null,
    });
    expect(reader.getOperation(makeOperationId())).toBeUndefined();
  });
});

test('a quarantined job is found by the operation id in its job id', () => {
  const operationId = makeOperationId();
  const row = (jobId: string) =>
    `INSERT INTO quarantine (job_id, name, code, reason, payload, quarantined_at_ms) VALUES ('${jobId}', 'x', 'UNREADABLE', 'why', '{', 1)`;
  fixture.tamper(`${row(`vm5-${operationId}-2`)}; ${row('something else')};`);
  reading((reader) => {
    expect(reader.getOperation(operationId)).toMatchObject({
      state: 'quarantined',
      sessionId: null,
      vm: null,
    });
    expect(everyPage((cursor) => reader.pageQuarantine({ limit: 1, ...cursor }))).toHaveLength(2);
  });
});

test('the audit of a file and the reminders of cleanups come page by page', () => {
  const stored = storeEntry('x', { sessionId: 'a' });
  fixture.apply(stored);
  const change = { sessionId: 'a', fileId: idOf(stored) };
  for (const name of ['file-delete', 'file-restore', 'file-delete'] as const)
    fixture.apply(entry(name, change));
  for (let n = 0; n < 3; n++) {
    fixture.tamper(`INSERT INTO file_cleanup_queue (file_id, session_id, scheduled_deletion_time)
      VALUES ('${idOf(stored)}', 'a', '2026-01-0${3 - n} 00:00:00')`);
  }
  reading((reader) => {
    const audit = everyPage((cursor) => reader.pageFileAudit(idOf(stored), { limit: 1, ...cursor }));
    expect(audit).toEqual(reader.listAudit({ fileId: idOf(stored) }));
    expect(audit).toHaveLength(4);
    expect(reader.pageFileAudit(idOf(stored), { sessionPrefix: 'b' }).rows).toEqual([]);
    const open = reader.listPendingCleanups().length;
    const cleanups = everyPage((cursor) => reader.pagePendingCleanups({ limit: 1, ...cursor }));
    expect(cleanups).toEqual(reader.listPendingCleanups());
    expect(open).toBeGreaterThanOrEqual(3);
    expect(reader.pagePendingCleanups({ sessionPrefix: 'b' }).rows).toEqual([]);
  });
});
