import { expect, test } from 'vitest';
import { entry, idOf, sha256, storeEntry } from '../../../../tests/support/operations.ts';
import { useWriterSession } from '../../../../tests/support/writer-session.ts';
import { openReader, type StoreReader, type UnsoundOptions } from '../index.ts';
import { damagedSql, sameBytesSql } from './files-query.ts';

const fixture = useWriterSession();

function reading<Result>(act: (reader: StoreReader) => Result): Result {
  const reader = openReader({ dataDir: fixture.dataDir });
  try {
    return act(reader);
  } finally {
    reader.close();
  }
}

function store(text: string, fields: Record<string, unknown> = {}): string {
  const made = storeEntry(text, fields);
  fixture.apply(made);
  return idOf(made);
}

const markDamaged = (text: string, atMs: number) =>
  fixture.tamper(
    `UPDATE blobs SET damage = 'other bytes', damaged_at_ms = ${atMs} WHERE digest = '${sha256(text)}'`,
  );
const forgetBytes = (text: string) =>
  fixture.tamper(`PRAGMA foreign_keys = ON; DELETE FROM blobs WHERE digest = '${sha256(text)}'`);

test('says of bytes whether they are held, damaged, or were never there', () => {
  store('held');
  store('broken');
  markDamaged('broken', 5);
  expect(reading((reader) => reader.getContentState(sha256('held')))).toEqual({
    state: 'held',
    location: 'inline',
    firstStoredAtMs: fixture.clock.now,
    damage: null,
    damagedAtMs: null,
  });
  expect(reading((reader) => reader.getContentState(sha256('broken')))).toMatchObject({
    state: 'damaged',
    damage: 'other bytes',
    damagedAtMs: 5,
  });
  expect(reading((reader) => reader.getContentState(sha256('never')))).toMatchObject({ state: 'missing' });
});

test('lists who else has the same bytes: active ones first, newest first, of the sessions that may be seen', () => {
  const ids = ['mine/1', 'other', 'mine/2', 'mine/3'].map((sessionId) => store('same', { sessionId }));
  store('others');
  fixture.apply(entry('file-delete', { sessionId: 'mine/3', fileId: ids[3] }));
  const same = (options: { limit?: number; sessionPrefix?: string } = {}) =>
    reading((reader) => reader.listSameBytes(sha256('same'), options));
  const [first, other, second, deleted] = ids;
  expect(same().files.map(({ fileId }) => fileId)).toEqual([second, other, first, deleted]);
  expect(same().isMore).toBe(false);
  const mine = same({ sessionPrefix: 'mine/' });
  expect(mine.files.map(({ fileId }) => fileId)).toEqual([second, first, deleted]);
  const few = same({ limit: 2 });
  expect([few.files.length, few.isMore]).toEqual([2, true]);
});

function allUnsound(options: UnsoundOptions): { names: string[]; pages: number } {
  const names: string[] = [];
  for (let pages = 1, cursor = {}; ; pages++) {
    const slice = reading((reader) => reader.searchUnsound({ ...options, ...cursor }));
    names.push(...slice.matches.map(({ filename }) => filename));
    if (slice.nextCursor === undefined) return { names, pages };
    cursor = { cursor: slice.nextCursor };
  }
}

test('finds the files of damaged bytes, those found last first, page by page, with the filters of a search', () => {
  for (const filename of ['a1', 'a2', 'a3']) store('a', { filename });
  store('b', { filename: 'b1', vm: 'vm2' });
  store('whole', { filename: 'whole' });
  const gone = store('a', { filename: 'a4' });
  fixture.apply(entry('file-delete', { sessionId: 's1', fileId: gone }));
  markDamaged('a', 10);
  markDamaged('b', 20);
  const any = { content: 'damaged', state: 'any' } as const;
  expect(allUnsound(any).names).toEqual(['b1', 'a4', 'a3', 'a2', 'a1']);
  const byOne = allUnsound({ ...any, limit: 1 });
  expect(byOne).toEqual({ names: ['b1', 'a4', 'a3', 'a2', 'a1'], pages: 5 });
  expect(allUnsound({ content: 'damaged' }).names).toEqual(['b1', 'a3', 'a2', 'a1']);
  expect(allUnsound({ ...any, vm: 'vm2' }).names).toEqual(['b1']);
  expect(allUnsound({ ...any, text: 'A2' }).names).toEqual(['a2']);
});

test('finds files without bytes, and says how many it looked at', () => {
  for (const name of ['x', 'y', 'z']) store(name, { filename: name });
  forgetBytes('x');
  forgetBytes('z');
  expect(allUnsound({ content: 'missing' }).names).toEqual(['z', 'x']);
  expect(allUnsound({ content: 'missing', limit: 1 }).names).toEqual(['z', 'x']);
  expect(reading((reader) => reader.searchUnsound({ content: 'missing' }).scanned)).toBe(3);
});

test('a cursor of another list is refused', () => {
  for (const filename of ['a1', 'a2']) store('a', { filename });
  markDamaged('a', 10);
  const { nextCursor = '' } = reading((reader) => reader.searchUnsound({ content: 'damaged', limit: 1 }));
  expect(() => reading((reader) => reader.searchUnsound({ content: 'missing', cursor: nextCursor }))).toThrow(
    expect.objectContaining({ code: 'CURSOR_INVALID' }),
  );
});

test('no question sorts what it looks at: the indexes give the order', () => {
  const plan = (sql: string) => {
    const values = new Array(sql.split('?').length - 1).fill(1);
    const steps = fixture.look.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values);
    return steps.map((step) => (step as { detail: string }).detail);
  };
  const details = [...plan(damagedSql('1')), ...plan(sameBytesSql('1'))];
  expect(details.filter((detail) => /TEMP B-TREE|SCAN (f|b|conversation_files)/.test(detail))).toEqual([]);
});
