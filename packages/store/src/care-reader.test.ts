// What is said of the store as a whole: the slices add up to what is there, however many of them it takes.

import SQLite from 'better-sqlite3';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { entry, idOf, sha256, storeEntry } from '../../../tests/support/operations.ts';
import { useWriterSession } from '../../../tests/support/writer-session.ts';
import { databasePath } from './data-dir.ts';
import { auditSliceRows } from './queries/audit-pages.ts';
import { type DueGroup, type FileGroup, surveySliceRows } from './queries/survey.ts';
import { openReader, type StoreReader } from './reader.ts';

const dayMs = 86_400_000;
const fixture = useWriterSession();
let reader: StoreReader;
beforeEach(() => {
  reader = openReader({ dataDir: fixture.dataDir });
  onTestFinished(() => reader.close());
});

function store(text: string, fields: Record<string, unknown> = {}): string {
  const made = storeEntry(text, fields);
  fixture.apply(made);
  return idOf(made);
}

function alter(sql: string): void {
  const db = new SQLite(databasePath(fixture.dataDir));
  db.exec(sql);
  db.close();
}

function surveyAll(): { groups: FileGroup[]; slices: number[] } {
  const groups: FileGroup[] = [];
  const slices: number[] = [];
  for (let after: number | undefined = 0; after !== undefined; ) {
    const slice = reader.care.surveyFiles(after);
    groups.push(...slice.groups);
    slices.push(slice.scanned);
    after = slice.next;
  }
  return { groups, slices };
}

function calendar(fromMs: number, days: number): DueGroup[] {
  const slice = reader.care.surveyDue({ after: '', fromMs, untilMs: fromMs + days * dayMs });
  return [...slice.groups].sort((a, b) => a.day - b.day);
}

describe('the survey of files', () => {
  test('says what was stored on which day, of which type, and what of it is deleted', () => {
    store('1234', { mimeType: 'text/plain' });
    const deleted = store('12', { mimeType: 'text/plain' });
    const [early] = [store('1', { mimeType: 'image/png' })];
    fixture.apply(entry('file-delete', { sessionId: 's1', fileId: deleted }));
    alter(`UPDATE conversation_files SET uploaded_at_ms = ${3 * dayMs} WHERE file_id <> '${early}';
      UPDATE conversation_files SET uploaded_at_ms = ${2 * dayMs - 1} WHERE file_id = '${early}'`);
    expect(surveyAll().groups.sort((a, b) => a.day - b.day)).toEqual([
      { day: 1, mimeType: 'image/png', files: 1, bytes: 1, deletedFiles: 0, deletedBytes: 0 },
      { day: 3, mimeType: 'text/plain', files: 1, bytes: 4, deletedFiles: 1, deletedBytes: 2 },
    ]);
  });

  test('adds up over several slices, none of them longer than it may be', () => {
    const wanted = surveySliceRows + 1;
    fixture.apply(...Array.from({ length: wanted }, () => storeEntry('same')));
    const { groups, slices } = surveyAll();
    expect(slices).toEqual([surveySliceRows, 1]);
    expect(groups.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(4 * wanted);
  });
});

describe('the calendar', () => {
  test('has each step of a session on its day, the ones that follow from it too, and nothing of a held one', () => {
    store('1234', { sessionId: 'ended' });
    store('12', { sessionId: 'held' });
    store('1', { sessionId: 'live' });
    fixture.apply(
      entry('session-end', { sessionId: 'ended' }),
      entry('session-end', { sessionId: 'held' }),
      entry('session-hold', { sessionId: 'held', hold: true }),
    );
    alter(`UPDATE sessions SET ended_at_ms = ${100 * dayMs} WHERE state = 'ended';
      UPDATE retention_policy SET soft_after_ms = ${2 * dayMs}, purge_after_ms = ${3 * dayMs}, idle_after_ms = NULL`);
    const usage = { sessions: 1, files: 1, bytes: 4 };
    expect(calendar(100 * dayMs, 60)).toEqual([
      { day: 102, step: 'soft', ...usage },
      { day: 105, step: 'purge', ...usage },
    ]);
    expect(calendar(100 * dayMs, 5)).toEqual([{ day: 102, step: 'soft', ...usage }]);
    expect(calendar(200 * dayMs, 5)).toEqual([
      { day: 200, step: 'soft', ...usage },
      { day: 203, step: 'purge', ...usage },
    ]);
  });
});

describe('the audit', () => {
  test('is found by who and by what, exactly or by its beginning', () => {
    const id = store('1', { actor: 'ada' });
    store('2', { actor: 'bob' });
    fixture.apply(
      entry('file-delete', { sessionId: 's1', fileId: id, actor: 'ada' }),
      entry('file-restore', { sessionId: 's1', fileId: id, actor: 'bob' }),
    );
    const found = (options: Parameters<typeof reader.care.pageAudit>[0]) =>
      reader.care.pageAudit(options).entries.map(({ action, actor }) => `${actor} ${action}`);
    expect(found({ actor: 'ada' })).toEqual(['ada file-delete', 'ada file-store']);
    expect(found({ action: 'file-restore' })).toEqual(['bob file-restore']);
    expect(found({ action: 'file-*', actor: 'bob' })).toEqual(['bob file-restore', 'bob file-store']);
    expect(found({ action: 'file-%' })).toEqual([]);
    expect(found({ vm: 'vm9' })).toEqual([]);
  });

  test('is given page by page, every entry once, however far apart the matches are', () => {
    store('first', { actor: 'ada' });
    fixture.apply(...Array.from({ length: auditSliceRows + 10 }, () => storeEntry('x', { actor: 'bot' })));
    store('last', { actor: 'ada' });
    const [first, second] = pages({ actor: 'ada', limit: 50 });
    expect([first?.entries.length, second?.entries.length]).toEqual([1, 1]);
    expect([first?.scanned, second?.scanned]).toEqual([auditSliceRows, 12]);
    const all = pages({ limit: 400 }).flatMap(({ entries }) => entries.map(({ auditId }) => auditId));
    expect(all).toEqual(
      Array.from({ length: auditSliceRows + 12 }, (_, index) => auditSliceRows + 12 - index),
    );
  });

  function pages(options: Parameters<typeof reader.care.pageAudit>[0]) {
    const found = [reader.care.pageAudit(options)];
    for (let cursor = found[0]?.nextCursor; cursor !== undefined; cursor = found.at(-1)?.nextCursor) {
      found.push(reader.care.pageAudit({ ...options, cursor }));
    }
    return found;
  }

  test('has what people did, chained like everything else, under names that no operation has', () => {
    store('before', { actor: 'ada' });
    const did = { action: 'job-retry', atMs: 5, actor: 'olga', role: 'operator', target: 'x 1', status: 204 };
    fixture.apply(
      entry('action-record', {
        entries: [did, { action: 'login-failed', atMs: 6, count: 3, target: '192.0.2.7' }],
      }),
    );
    const { entries } = reader.care.pageAudit({ action: 'action-*' });
    expect(entries).toMatchObject([
      { action: 'action-login-failed', actor: null, atMs: 6, details: { count: 3, target: '192.0.2.7' } },
      {
        action: 'action-job-retry',
        actor: 'olga',
        atMs: 5,
        details: { role: 'operator', target: 'x 1', status: 204 },
      },
    ]);
    expect(reader.care.pageAudit({ about: 'fleet' })).toMatchObject({ entries, scanned: 2 });
    expect(reader.care.getFacts(0).audit.head?.auditId).toBe(entries[0]?.auditId);
  });

  test('takes a cursor of its own filter only', () => {
    fixture.apply(...[1, 2, 3].map((n) => storeEntry(String(n))));
    const { nextCursor } = reader.care.pageAudit({ limit: 1 });
    expect(() => reader.care.pageAudit({ limit: 1, cursor: nextCursor ?? '', actor: 'ada' })).toThrow(
      expect.objectContaining({ code: 'CURSOR_INVALID' }),
    );
  });
});

test('damage, refusals, quarantine, scrub and tasks are told', () => {
  const fileId = store('soon damaged');
  fixture.apply(entry('file-delete', { sessionId: 's1', fileId: '01900000-0000-7000-8000-000000000001' }));
  alter(`UPDATE blobs SET damaged_at_ms = 7, damage = 'its bytes are gone';
    INSERT INTO quarantine (job_id, name, code, reason, payload, quarantined_at_ms) VALUES ('j', 'x', 'C', 'r', '{', 5);
    INSERT INTO maintenance (task, cursor, last_finished_at_ms, last_result) VALUES ('scrub', '1', 9, '{"checked":1}')`);
  const care = reader.care.getFacts(5);
  expect(care).toMatchObject({
    damagedContents: 1,
    damaged: [
      { digest: sha256('soon damaged'), size: 12, damagedAtMs: 7, reason: 'its bytes are gone', fileId },
    ],
    refused: 1,
    quarantined: 1,
    scrub: { through: 1, newest: 1 },
    audit: { head: { auditId: 1, hash: expect.stringMatching(/^[0-9a-f]{64}$/) }, prunedThrough: 0 },
  });
  expect(care.tasks).toContainEqual({
    task: 'scrub',
    dueAtMs: null,
    finishedAtMs: 9,
    result: { checked: 1 },
  });
  expect(reader.care.getFacts(Number.MAX_SAFE_INTEGER)).toMatchObject({ refused: 0, quarantined: 0 });
});
