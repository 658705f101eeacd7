// Reads that cannot be answered are errors, never empty lists.

import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { makeFolder, openManager, withRaw } from '../../../tests/support/data-folder.ts';
import { idOf, storeEntry } from '../../../tests/support/operations.ts';
import { databasePath } from './data-dir.ts';
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

describe('what cannot be read is an error', () => {
  test('a closed reader', async () => {
    reader.close();
    reader.close();
    expect(() => reader.getStatistics()).toThrow(expect.objectContaining({ code: 'CLOSED' }));
    await expect(reader.openContent(nobody)).rejects.toMatchObject({ code: 'CLOSED' });
  });

  test('no database, with what to type', () => {
    expect(() => openReader({ dataDir: makeFolder() })).toThrow(/got no file; .* filefleet migrate up/);
  });

  test('a database out of reach is not taken for none', () => {
    const folder = makeFolder();
    const path = join(folder, 'conversation_files.db');
    symlinkSync(path, path);
    expect(() => openReader({ dataDir: folder })).toThrow(
      expect.objectContaining({ code: 'PATH_INVALID', message: expect.stringContaining('be the user') }),
    );
  });

  test('a schema older than the program', async () => {
    const folder = makeFolder();
    (await openManager(folder)).initialize({ to: '001' });
    expect(() => openReader({ dataDir: folder })).toThrow(
      expect.objectContaining({ code: 'NOT_INITIALIZED' }),
    );
  });

  test.each([
    ['no database', (path: string) => writeFileSync(path, 'nonsense '.repeat(200)), 'DATABASE_CORRUPT'],
    [
      'a foreign one',
      (path: string) => withRaw(path, (db) => db.exec('CREATE TABLE t (a)')),
      'DATABASE_FOREIGN',
    ],
  ])('a file that is %s', (_what, make, code) => {
    const folder = makeFolder();
    make(databasePath(folder));
    expect(() => openReader({ dataDir: folder })).toThrow(expect.objectContaining({ code }));
  });

  test('a table that is gone: the error is thrown, not an empty list', () => {
    store('x');
    const db = new SQLite(databasePath(dataDir));
    db.exec('DROP TABLE file_metadata; DROP TABLE dead_letters');
    db.close();
    expect(() => reader.listDeadLetters()).toThrow(/no such table/);
  });
});
