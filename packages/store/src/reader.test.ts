// Reads, against a database that the group transaction filled. Exact, bounded, and never empty for a failure.

import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { makeFolder, withRaw } from '../../../tests/support/data-folder.ts';
import { entry, idOf, sha256, storeEntry } from '../../../tests/support/operations.ts';
import { databasePath } from './data-dir.ts';
import { pageSql, pageSqlWithDeleted } from './queries/files.ts';
import { openReader, type StoreReader } from './reader.ts';
import { WriterSession } from './writer-session.ts';

const startMs = Date.UTC(2026, 0, 1);
const nobody = '00000000-0000-4000-8000-000000000000';

let dataDir: string;
let session: WriterSession;
let reader: StoreReader;
const clock = { now: startMs, nowMs: () => clock.now };

beforeEach(async () => {
  clock.now = startMs;
  dataDir = makeFolder();
  session = await WriterSession.open({ dataDir, clock });
  reader = openReader({ dataDir });
  onTestFinished(() => {
    reader.close();
    session.close();
  });
});

/** Stores a text; each call is one group, one second after the last. @returns its file id. */
function store(text: string, fields: Record<string, unknown> = {}): string {
  clock.now += 1_000;
  const made = storeEntry(text, fields, { atMs: clock.now });
  const [result] = session.apply([made]).results;
  expect(result).toMatchObject({ kind: 'settled', receipt: { outcome: 'applied' } });
  return idOf(made);
}

function apply(name: Parameters<typeof entry>[0], fields: Record<string, unknown>): string {
  clock.now += 1_000;
  const made = entry(name, fields, { atMs: clock.now });
  session.apply([made]);
  return idOf(made);
}

describe('a file', () => {
  test('is given with all its facts', () => {
    const fileId = store('hello', {
      vm: 'vm2',
      filename: 'r.json',
      actor: 'ann',
      messageId: 'm1',
      mimeType: 'text/x',
      metadata: { b: '2', a: '1' },
    });
    expect(reader.getFile(fileId)).toEqual({
      fileId,
      sessionId: 's1',
      filename: 'r.json',
      digest: sha256('hello'),
      size: 5,
      mimeType: expect.toSatisfy((type: unknown) => type === null || typeof type === 'string'),
      declaredMimeType: 'text/x',
      uploadedBy: 'ann',
      vm: 'vm2',
      uploadedAtMs: startMs + 1_000,
      isDeleted: false,
      deletedAtMs: null,
      originFileId: null,
      messageIds: ['m1'],
    });
    expect(reader.getMetadata(fileId)).toEqual({ a: '1', b: '2' });
    expect(reader.listAssociations(fileId)).toEqual([
      { sessionId: 's1', messageId: 'm1', associationType: 'upload', associatedAt: '2026-01-01 00:00:01' },
    ]);
    expect(reader.getAccessLog(fileId)).toMatchObject([
      { accessType: 'upload', accessedBy: 'ann', details: { file_size: 5 } },
    ]);
  });

  test('that nobody stored is undefined, and asking for what belongs to it is an error, not an empty list', () => {
    expect(reader.getFile(nobody)).toBeUndefined();
    const asks = [
      () => reader.getMetadata(nobody),
      () => reader.listAssociations(nobody),
      () => reader.getAccessLog(nobody),
    ];
    for (const ask of asks) expect(ask).toThrow(expect.objectContaining({ code: 'FILE_NOT_FOUND' }));
  });

  test('text from a user is data: quotes, percent signs and SQL are looked up as they are', () => {
    const sessionId = `x' OR 1=1 -- %_"`;
    const fileId = store('a', { sessionId });
    store('b');
    expect(reader.listSessionFiles(sessionId).files.map((file) => file.fileId)).toEqual([fileId]);
    expect(reader.listSessionFiles('%').files).toEqual([]);
  });
});

describe("a session's page", () => {
  test('goes through all files, newest first, each once, also when files have the same time', () => {
    const ids: string[] = [];
    for (let i = 0; i < 7; i++) {
      if (i % 3 === 0) clock.now += 1_000;
      const made = storeEntry(`content ${i}`, {}, { atMs: clock.now });
      session.apply([made]);
      ids.push(idOf(made));
    }
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = reader.listSessionFiles('s1', cursor === undefined ? { limit: 2 } : { limit: 2, cursor });
      expect(page.files.length).toBeLessThanOrEqual(2);
      seen.push(...page.files.map((file) => file.fileId));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    expect([...seen].sort()).toEqual([...ids].sort());
    const times = seen.map((id) => Number(reader.getFile(id)?.uploadedAtMs));
    expect(times).toEqual([...times].sort((a, b) => b - a));
  });

  test('stays right when files come and go between two pages', () => {
    const [first, second, third, fourth] = [1, 2, 3, 4].map((i) => store(`c${i}`));
    const page = reader.listSessionFiles('s1', { limit: 2 });
    expect(page.files.map((file) => file.fileId)).toEqual([fourth, third]);
    store('new');
    apply('file-delete', { sessionId: 's1', fileId: third });
    const next = reader.listSessionFiles('s1', { limit: 2, cursor: String(page.nextCursor) });
    expect(next.files.map((file) => file.fileId)).toEqual([second, first]);
    expect(next.nextCursor).toBeUndefined();
  });

  test('leaves deleted files out, or shows them in their place', () => {
    const [first, second, third] = [1, 2, 3].map((i) => store(`c${i}`));
    apply('file-delete', { sessionId: 's1', fileId: second });
    expect(reader.listSessionFiles('s1').files.map((file) => file.fileId)).toEqual([third, first]);
    const all = reader.listSessionFiles('s1', { includeDeleted: true }).files;
    expect(all.map(({ fileId, isDeleted }) => [fileId, isDeleted])).toEqual([
      [third, false],
      [second, true],
      [first, false],
    ]);
    expect(all[1]?.deletedAtMs).toBe(clock.now);
    const page = reader.listSessionFiles('s1', { includeDeleted: true, limit: 1 });
    const next = reader.listSessionFiles('s1', {
      includeDeleted: true,
      limit: 1,
      cursor: String(page.nextCursor),
    });
    expect(next.files[0]?.fileId).toBe(second);
  });

  test('of a session that nobody knows is empty', () => {
    expect(reader.listSessionFiles('nobody')).toEqual({ files: [] });
  });

  test.each([0, 501, -1, 1.5, Number.NaN, '10' as unknown as number])('a limit of %s is refused', (limit) => {
    expect(() => reader.listSessionFiles('s1', { limit })).toThrow(
      expect.objectContaining({ code: 'LIMIT_INVALID' }),
    );
  });

  test('a cursor of another session, or of nobody, is refused', () => {
    for (const i of [1, 2]) store(`c${i}`);
    const { nextCursor } = reader.listSessionFiles('s1', { limit: 1 });
    const wrong = [
      '',
      'x',
      '!!',
      Buffer.from('{}').toString('base64url'),
      Buffer.from('["s1","a",1]').toString('base64url'),
    ];
    for (const cursor of wrong) {
      expect(() => reader.listSessionFiles('s1', { cursor })).toThrow(
        expect.objectContaining({ code: 'CURSOR_INVALID' }),
      );
    }
    expect(() => reader.listSessionFiles('s2', { cursor: String(nextCursor) })).toThrow(
      expect.objectContaining({ code: 'CURSOR_INVALID' }),
    );
  });

  test.each([
    ['without deleted files', pageSql, 4],
    ['with deleted files', pageSqlWithDeleted, 7],
  ])('is read from the index, in its order, %s', (_what, sql, parameters) => {
    const plan = withRaw(databasePath(dataDir), (db) =>
      db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...Array(parameters).fill(1)),
    ) as { detail: string }[];
    const details = plan.map((step) => step.detail);
    expect(details.filter((detail) => detail.includes('idx_conversation_files_page')).length).toBeGreaterThan(
      0,
    );
    expect(details.filter((detail) => /^SCAN (?!m\b)|TEMP B-TREE/.test(detail))).toEqual([]);
  });
});

test('sessions come with what they hold, the most recently used first', () => {
  store('a', { sessionId: 's1' });
  store('bb', { sessionId: 's2' });
  const fileId = store('ccc', { sessionId: 's2' });
  apply('file-delete', { sessionId: 's2', fileId });
  store('a', { sessionId: 's3' });
  apply('session-end', { sessionId: 's1' });
  const sessions = reader.listSessions();
  expect(
    sessions.map(({ sessionId, files, logicalBytes, state }) => [sessionId, files, logicalBytes, state]),
  ).toEqual([
    ['s3', 1, 1, 'live'],
    ['s2', 1, 2, 'live'],
    ['s1', 1, 1, 'ended'],
  ]);
  expect(reader.listSessions({ limit: 1 })).toHaveLength(1);
});

test('the audit is given newest first, by file, by session, or all of it, also for a purged file', () => {
  const fileId = store('x', { actor: 'ann' });
  store('y', { sessionId: 's2' });
  apply('file-purge', { sessionId: 's1', fileId });
  expect(reader.getFile(fileId)).toBeUndefined();
  expect(reader.listAudit({ fileId }).map((row) => row.action)).toEqual(['file-purge', 'file-store']);
  expect(reader.listAudit({ sessionId: 's2' })).toMatchObject([
    { action: 'file-store', vm: 'vm5', commitSequence: 2 },
  ]);
  expect(reader.listAudit({ limit: 2 })).toHaveLength(2);
});

test('a receipt is given as it was committed; refused operations are found among the dead letters', () => {
  const fileId = store('x');
  expect(reader.getReceipt(fileId)).toMatchObject({ outcome: 'applied', fileId, commitSequence: 1 });
  expect(reader.getReceipt(nobody)).toBeUndefined();
  const refused = apply('file-delete', { sessionId: 's1', fileId: nobody });
  expect(reader.getReceipt(refused)).toMatchObject({ outcome: 'refused', code: 'FILE_NOT_FOUND' });
  expect(reader.listDeadLetters()).toMatchObject([
    { operationId: refused, name: 'file-delete', code: 'FILE_NOT_FOUND' },
  ]);
  expect(reader.listQuarantine()).toEqual([]);
});

test('open reminders of an ended session are pending cleanups', () => {
  const fileId = store('x');
  expect(reader.listPendingCleanups()).toEqual([]);
  apply('session-end', { sessionId: 's1' });
  expect(reader.listPendingCleanups()).toMatchObject([
    {
      fileId,
      sessionId: 's1',
      filename: 'note.txt',
      size: 1,
      reason: 'session_ended',
      scheduledAt: '2026-01-31 00:00:02',
    },
  ]);
});
