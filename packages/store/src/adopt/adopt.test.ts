import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { beforeEach, describe, expect, test } from 'vitest';
import { type OldInstallation, writeOldInstallation } from '../../../../tests/support/autobot-storage.ts';
import { fingerprint, makeFolder, openManager, withRaw } from '../../../../tests/support/data-folder.ts';
import { entry, sha256, storeEntry } from '../../../../tests/support/operations.ts';
import { databasePath } from '../data-dir.ts';
import { acquireWriterLock } from '../lock.ts';
import { openReader, type StoreReader } from '../reader.ts';
import { verifyStore } from '../verify/verify.ts';
import { WriterSession } from '../writer-session.ts';
import { type AdoptOptions, adoptStore } from './adopt.ts';

let old: OldInstallation;
let dataDir: string;

beforeEach(() => {
  old = writeOldInstallation(makeFolder());
  dataDir = join(makeFolder(), 'data');
});

const adopt = (options: Partial<AdoptOptions> = {}) =>
  adoptStore({ sourcePath: old.database, storageDir: old.storage, dataDir, ...options });

async function read(reader: StoreReader, fileId: string): Promise<string | undefined> {
  try {
    const { stream } = await reader.openContent(fileId, { includeDeleted: true });
    return Buffer.concat(await stream.toArray()).toString();
  } catch (error) {
    expect(error).toMatchObject({ code: 'CONTENT_NOT_IMPORTED' });
    return undefined;
  }
}

async function faults(): Promise<string[]> {
  const found: string[] = [];
  for await (const report of verifyStore({ dataDir, deep: true })) found.push(...report.faults);
  return found;
}

test('no file is lost: each reads as what it is, or says that its bytes were not imported', async () => {
  const before = fingerprint(old.folder);
  const { rows, tables, contents, reportPath } = await adopt();
  expect(fingerprint(old.folder)).toEqual(before); // byte for byte, times too, nothing new beside it
  const files = new Map(
    rows.filter(({ table }) => table === 'conversation_files').map((row) => [row.key, row]),
  );
  const reader = openReader({ dataDir });
  for (const file of old.files) {
    const row = files.get(file.fileId);
    expect([file.fileId, row?.outcome]).toEqual([file.fileId, file.outcome]);
    if (file.how) expect(row?.how).toMatch(file.how);
    for (const sessionId of file.sessions) {
      const page = reader.listSessionFiles(sessionId, { includeDeleted: true, limit: 100 });
      const its = page.files.find(({ fileId, originFileId }) => [fileId, originFileId].includes(file.fileId));
      expect([sessionId, its?.fileId !== undefined]).toEqual([sessionId, true]);
      expect(await read(reader, its?.fileId ?? '')).toBe(file.readable);
      expect(its?.digest.toLowerCase()).toBe(sha256(file.readable ?? file.recorded));
    }
  }
  reader.close();
  expect(contents).toBe(new Set(old.files.map(({ readable }) => readable).filter(Boolean)).size);
  const shared = old.files.reduce((sum, { sessions }) => sum + sessions.length, 0);
  expect(tables.find(({ table }) => table === 'conversation_files')).toEqual({
    table: 'conversation_files',
    taken: 5,
    healed: 4 + 3, // three sessions got rows of their own, with bytes
    left: shared - 5 - 7,
  });
  expect(JSON.parse(readFileSync(reportPath ?? '', 'utf8'))).toMatchObject({ rows });
  expect(await faults()).toEqual([]);
});

test('every row of every table is in the report', async () => {
  const tables = withRaw(old.database, (db) =>
    ['file_metadata', 'session_file_associations', 'file_access_log', 'file_cleanup_queue'].map(
      (table) => [table, db.prepare(`SELECT count(*) FROM ${table}`).pluck().get()] as const,
    ),
  );
  const { tables: summary, rows } = await adopt();
  for (const [table, count] of tables) {
    const { taken = 0, healed = 0, left = 0 } = summary.find((one) => one.table === table) ?? {};
    expect([table, taken + healed + left]).toEqual([table, count]);
  }
  expect(rows.filter(({ outcome, table }) => outcome === 'left' && table !== 'conversation_files')).toEqual([
    { table: 'file_metadata', key: '2', outcome: 'left', how: 'its file has no row' },
    { table: 'file_access_log', key: expect.any(String), outcome: 'left', how: 'its file has no row' },
  ]);
  const doubles = old.files.reduce((sum, { sessions }) => sum + sessions.length, 0);
  expect(rows.filter(({ how }) => how?.startsWith('merged into its double'))).toHaveLength(doubles);
});

test('entries of the cleanup queue are closed, whatever their reason, and nothing was executed', async () => {
  const { tables } = await adopt();
  const { healed, left } = tables.find(({ table }) => table === 'file_cleanup_queue') ?? {};
  expect([healed, left]).toEqual([withRaw(old.database, countReminders), 0]);
  expect(withRaw(databasePath(dataDir), countReminders)).toBe(0);
});

const countReminders = (db: Database): number =>
  Number(db.prepare('SELECT count(*) FROM file_cleanup_queue WHERE is_processed = 0').pluck().get());

test('what was rewritten is kept under its true digest, and the audit says so', async () => {
  await adopt();
  const edited = old.files.find(({ how }) => how?.source === 'rewritten');
  const details = withRaw(databasePath(dataDir), (db) =>
    db
      .prepare("SELECT details FROM audit_entries WHERE action = 'file-adopt' AND file_id = ?")
      .pluck()
      .get(edited?.fileId),
  );
  expect(JSON.parse(String(details))).toMatchObject({
    outcome: 'healed',
    recordedDigest: sha256(edited?.recorded ?? ''),
    digest: sha256(edited?.readable ?? ''),
  });
});

test('a year later nothing has gone; when a session ends, its files go as the rules say', async () => {
  await adopt();
  const yearMs = 365 * 86_400_000;
  const clock = { now: Date.now() + yearMs, nowMs: () => clock.now };
  const count = (where = '1') =>
    withRaw(databasePath(dataDir), (db) =>
      Number(db.prepare(`SELECT count(*) FROM conversation_files WHERE ${where}`).pluck().get()),
    );
  const files = count();
  const active = count('is_deleted = 0');
  const session = await WriterSession.open({ dataDir, clock });
  const maintain = () => {
    for (const request of [{ kind: 'retention' }, { kind: 'sweep', graceMs: 0 }] as const)
      while (session.maintain(request).more);
  };
  maintain();
  expect([count(), count('is_deleted = 0')]).toEqual([files, active]);
  session.apply([entry('session-end', { sessionId: 's3' }, { atMs: clock.now })]);
  clock.now += 29 * 86_400_000;
  maintain();
  expect(count('is_deleted = 0')).toBe(active);
  clock.now += 2 * 86_400_000;
  maintain();
  expect([count(), count('is_deleted = 0')]).toEqual([files, active - 1]);
  session.close();
});

test('a dry run says the same and writes nothing', async () => {
  const planned = await adopt({ dryRun: true });
  expect(existsSync(dataDir)).toBe(false);
  const { tables, contents, rows } = await adopt();
  expect({ tables: planned.tables, contents: planned.contents }).toEqual({ tables, contents });
  expect(planned.rows.length).toBe(rows.length);
});

test('changes that wait in a -wal are taken up, and stay where they are', async () => {
  const writer = withRaw(old.database, (db) => db.pragma('journal_mode = WAL'));
  expect(writer).toEqual([{ journal_mode: 'wal' }]);
  const { default: SQLite } = await import('better-sqlite3');
  const db = new SQLite(old.database);
  db.exec("UPDATE conversation_files SET original_filename = 'in the wal' WHERE rowid = 1");
  const copy = makeFolder(); // as a program that was killed leaves it
  for (const suffix of ['', '-wal'])
    writeFileSync(join(copy, `old.db${suffix}`), readFileSync(`${old.database}${suffix}`));
  db.close();
  const before = fingerprint(copy);
  await adopt({ sourcePath: join(copy, 'old.db') });
  expect(fingerprint(copy)).toEqual(before);
  expect(
    withRaw(databasePath(dataDir), (now) =>
      now.prepare('SELECT original_filename FROM conversation_files ORDER BY rowid').pluck().get(),
    ),
  ).toBe('in the wal');
});

describe('refused, with the folder as it was', () => {
  test('a store with files; an empty one is taken over', async () => {
    const session = await WriterSession.open({ dataDir });
    session.apply([storeEntry('one')]);
    await expect(adopt()).rejects.toMatchObject({ code: 'LOCK_HELD', exitCode: 75 });
    session.close();
    await expect(adopt()).rejects.toMatchObject({ code: 'DATA_PRESENT', exitCode: 78 });
    rmSync(dataDir, { recursive: true });
    (await WriterSession.open({ dataDir })).close();
    await expect(adopt()).resolves.toMatchObject({ contents: expect.any(Number) });
    expect(readdirSync(dataDir).filter((name) => /adopting|replaced|restore/.test(name))).toEqual([]);
  });

  test('what is no database, a damaged one, and one of ours', async () => {
    const source = join(makeFolder(), 'x.db');
    await expect(adopt({ sourcePath: source })).rejects.toMatchObject({ code: 'PATH_INVALID' });
    writeFileSync(source, 'no database'.repeat(20));
    await expect(adopt({ sourcePath: source })).rejects.toMatchObject({
      code: 'DATABASE_CORRUPT',
      message: expect.stringContaining(`expected ${source} to be`),
    });
    const ours = makeFolder();
    (await openManager(ours)).initialize();
    await expect(adopt({ sourcePath: databasePath(ours) })).rejects.toMatchObject({
      code: 'DATABASE_FOREIGN',
    });
    truncateSync(old.database, 8_192);
    await expect(adopt()).rejects.toMatchObject({ code: 'DATABASE_CORRUPT' });
    await expect(adopt({ storageDir: join(dataDir, 'nowhere') })).rejects.toMatchObject({
      code: expect.any(String),
    });
    expect(existsSync(databasePath(dataDir))).toBe(false);
  });

  test('a source that changes while it is read', async () => {
    const touch = () => utimesSync(join(old.storage, 'ab/large.bin'), new Date(), new Date());
    const change = (step: string) =>
      step === 'adopt.resolved' && writeFileSync(join(old.storage, 'ab/large.bin'), 'shorter');
    touch();
    await expect(adopt({ onStep: change })).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
    expect(existsSync(databasePath(dataDir))).toBe(false);
    mkdirSync(dataDir, { recursive: true });
    acquireWriterLock(dataDir, 'test').release(); // nobody holds it any more
  });
});
