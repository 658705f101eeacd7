import { join } from 'node:path';
import { acquireWriterLock, ensureDataDir, isStoreError } from '@filefleet/store';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { makeFolder, openRaw } from '../../../tests/support/data-folder.ts';
import { databaseFile } from '../../../tests/support/database.ts';
import { idOf, storeEntry } from '../../../tests/support/operations.ts';
import { CommitLine } from './commit-line.ts';

const { promise: never } = Promise.withResolvers<Error>();

async function open(dataDir: string, onLost: (error: Error) => void = () => undefined): Promise<CommitLine> {
  const line = await CommitLine.open(dataDir, onLost);
  onTestFinished(() => line.close().then(ignore, ignore));
  return line;
}

const ignore = () => undefined;

beforeEach(() => {
  vi.stubEnv('FILEFLEET_TEST_FAILPOINTS', '');
});
afterEach(() => {
  vi.unstubAllEnvs();
});

test('a group that was applied is in the database, each entry with its result', async () => {
  const dataDir = makeFolder();
  const line = await open(dataDir);
  expect([line.epoch, line.healed]).toEqual([1, []]);
  const entries = ['one', 'two'].map((text) => storeEntry(text));
  const { results, commitSequence } = await line.apply(entries);
  expect(commitSequence).toBe(1);
  expect(results).toMatchObject([
    { kind: 'settled', receipt: { outcome: 'applied', size: 3 } },
    { kind: 'settled', receipt: { outcome: 'applied', size: 3 } },
  ]);
  const stored = openRaw(databaseFile(dataDir))
    .prepare('SELECT file_id FROM conversation_files')
    .pluck()
    .all();
  expect(new Set(stored)).toEqual(new Set(entries.map(idOf)));
});

test('answers come in the order of the requests, also when one of them fails', async () => {
  vi.stubEnv('FILEFLEET_TEST_FAILPOINTS', 'commit.begun=error:SQLITE_FULL@2');
  const line = await open(makeFolder());
  const [first, second, third] = ['a', 'b', 'c'].map((text) => line.apply([storeEntry(text)]));
  await expect(first).resolves.toMatchObject({ commitSequence: 1 });
  await expect(second).rejects.toSatisfy((error) => isStoreError(error, 'STORAGE_FULL'));
  await expect(third).resolves.toMatchObject({ commitSequence: 2 });
  await expect(line.noteSuspects([])).resolves.toEqual([]);
  await expect(line.beginSolo('x', [])).resolves.toBeUndefined();
  await expect(line.prune()).resolves.toEqual({ receipts: 0, refusals: 0 });
});

test('a request that cannot be posted fails alone and shifts nobody’s answer', async () => {
  const line = await open(makeFolder());
  const unpostable = [(() => 'no text') as unknown as string];
  const failed = line.noteSuspects(unpostable);
  const applied = line.apply([storeEntry('a')]);
  await expect(failed).rejects.toThrow('could not be cloned');
  await expect(applied).resolves.toMatchObject({ commitSequence: 1 });
});

test('a lock that is held crosses as a StoreError that names the holder', async () => {
  const dataDir = makeFolder();
  ensureDataDir(dataDir);
  const lock = acquireWriterLock(dataDir, 'migrate up');
  const error = await CommitLine.open(dataDir, ignore).catch((reason: unknown) => reason);
  expect(isStoreError(error, 'LOCK_HELD')).toBe(true);
  expect(error).toMatchObject({ facts: { holder: { role: 'migrate up', pid: process.pid } } });
  lock.release();
});

test('what the disk did has one of our codes on this side, also outside of groups', async () => {
  vi.stubEnv('FILEFLEET_TEST_FAILPOINTS', 'start.locked=error:ENOSPC');
  const error = await CommitLine.open(makeFolder(), ignore).catch((reason: unknown) => reason);
  expect(isStoreError(error, 'STORAGE_FULL')).toBe(true);
});

test('closing frees the lock and notes the end; closing twice is closing once', async () => {
  const dataDir = makeFolder();
  const lost = vi.fn();
  const line = await open(dataDir, lost);
  await Promise.all([line.close(), line.close()]);
  acquireWriterLock(dataDir, 'test').release();
  const sql = 'SELECT count(*) FROM writer_epochs WHERE stopped_at_ms IS NOT NULL';
  expect(openRaw(databaseFile(dataDir)).prepare(sql).pluck().get()).toBe(1);
  expect(lost).not.toHaveBeenCalled();
});

test('the end of the thread is told once, and nobody waits for ever: neither who asked nor who asks later', async () => {
  vi.stubEnv('FILEFLEET_TEST_FAILPOINTS', 'commit.begun=exit');
  const losses: Error[] = [];
  const lost = Promise.withResolvers<void>();
  const line = await open(makeFolder(), (error) => {
    losses.push(error);
    lost.resolve();
  });
  await expect(Promise.race([line.apply([storeEntry('a')]), never])).rejects.toThrow(/its end/);
  await lost.promise;
  await expect(line.prune()).rejects.toThrow(/commit thread/);
  await expect(line.close()).rejects.toThrow(/commit thread/);
  expect(losses).toHaveLength(1);
});

test('a copy of the database is made between groups, whose answers keep their order', async () => {
  const [dataDir, target] = [makeFolder(), join(makeFolder(), 'copy.db')];
  const line = await open(dataDir);
  await line.apply(['before', 'copy'].map((text) => storeEntry(text)));
  const copying = line.backupTo(target);
  await expect(line.backupTo(join(makeFolder(), 'second.db'))).rejects.toThrow(
    'one copy of the database at a time',
  );
  const groups = ['a', 'b', 'c'].map((text) => line.apply([storeEntry(text)]));
  const sequences = (await Promise.all(groups)).map(({ commitSequence }) => commitSequence);
  expect(sequences).toEqual([2, 3, 4]);
  expect((await copying).pages).toBeGreaterThan(0);
  const count = openRaw(target).prepare('SELECT count(*) FROM conversation_files').pluck().get();
  expect(count).toBeGreaterThanOrEqual(2);
});

test('a slice of maintenance takes its turn between groups', async () => {
  const line = await open(makeFolder());
  const answers = [
    line.apply([storeEntry('a')]),
    line.maintain({ kind: 'retention' }),
    line.apply([storeEntry('b')]),
  ];
  expect(await Promise.all(answers)).toMatchObject([
    { commitSequence: 1 },
    { more: false, rows: 0, swept: [], events: [] },
    { commitSequence: 2 },
  ]);
});
