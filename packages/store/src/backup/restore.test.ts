import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { backUp, dumpDatabase, largeEntry } from '../../../../tests/support/backing-up.ts';
import { makeFolder, withRaw } from '../../../../tests/support/data-folder.ts';
import { entry, idOf, storeEntry } from '../../../../tests/support/operations.ts';
import { startMs, useWriterSession } from '../../../../tests/support/writer-session.ts';
import { databasePath } from '../data-dir.ts';
import { openReader } from '../reader.ts';
import { verifyStore } from '../verify/verify.ts';
import { WriterSession } from '../writer-session.ts';
import { listBackups } from './list-backups.ts';
import type { MadeBackup } from './make-backup.ts';
import { type RestoreOptions, restoreBackup } from './restore.ts';
import { verifyBackup } from './verify-backup.ts';

const fixture = useWriterSession();
const { apply, clock } = fixture;
const large = 'large '.repeat(20_000);
const dayMs = 86_400_000;
let backupDir: string;
let made: MadeBackup;
let fileId: string;
let blobName: string;

/** A store with a small and a large file in one session that has ended, and a backup of it. */
beforeEach(async () => {
  backupDir = join(makeFolder(), 'backups');
  const stored = await largeEntry(fixture.dataDir, fixture.session.epoch, large);
  fileId = idOf(stored);
  apply(stored, storeEntry('small'), entry('session-end', { sessionId: 's1' }));
  blobName = String(fixture.row('SELECT name FROM blobs WHERE name IS NOT NULL').name);
  made = await backUp(fixture.session, { dataDir: fixture.dataDir, backupDir, clock });
});

const restore = (dataDir: string, options: Partial<RestoreOptions> = {}) =>
  restoreBackup({ backupDir, name: made.name, dataDir, clock, ...options });

async function faultsOf(dataDir: string): Promise<string[]> {
  const faults: string[] = [];
  for await (const report of verifyStore({ dataDir, deep: true, clock })) faults.push(...report.faults);
  return faults;
}

test('into an empty folder: the store as it was, sound, and it goes on working', async () => {
  const dataDir = join(makeFolder(), 'new', 'data');
  expect(await restore(dataDir)).toEqual({
    name: made.name,
    commitSequence: 1,
    schemaVersion: '005',
    epoch: 2,
    missing: 0,
    kept: undefined,
  });
  expect(readdirSync(dataDir).sort()).toEqual(['blobs', 'conversation_files.db', 'writer.lock']);
  expect(await faultsOf(dataDir)).toEqual([]);
  const session = await WriterSession.open({ dataDir, clock });
  try {
    expect(session.epoch).toBe(3);
    expect(session.apply([storeEntry('after')])).toMatchObject({ commitSequence: 2 });
    const reader = openReader({ dataDir });
    const { stream } = await reader.openContent(fileId);
    expect(Buffer.concat(await stream.toArray()).toString()).toBe(large);
    reader.close();
  } finally {
    session.close();
  }
});

test('in place of another store: that one is kept whole, and numbers go on above its own', async () => {
  const later = storeEntry('later');
  apply(later);
  apply(storeEntry('latest'));
  fixture.session.close();
  await expect(restore(fixture.dataDir)).rejects.toMatchObject({ code: 'DATA_PRESENT', exitCode: 78 });
  const { kept, epoch } = await restore(fixture.dataDir, { replace: true });
  expect(epoch).toBe(2);
  expect(kept).toMatch(/\/replaced-20260101T000000\.000Z$/);
  expect(dumpDatabase(databasePath(kept ?? '')).conversation_files).toHaveLength(4);
  expect(readFileSync(join(kept ?? '', 'blobs', blobName), 'utf8')).toBe(large);
  expect(await faultsOf(fixture.dataDir)).toEqual([]);
  const session = await WriterSession.open({ dataDir: fixture.dataDir, clock });
  expect(session.apply([later]).commitSequence).toBe(4); // no number is given to two commits
  session.close();
});

test('anchors of the history that it replaced are void, those told later or at no known time are not', async () => {
  apply(storeEntry('later'), storeEntry('and later'));
  const head = fixture.row(
    'SELECT max(audit_id) AS auditId, lower(hex(entry_hash)) AS hash FROM audit_entries',
  );
  const anchor = { auditId: Number(head.auditId), hash: String(head.hash) };
  const toldAtMs = clock.now;
  fixture.session.close();
  clock.now += 1;
  await restore(fixture.dataDir, { replace: true });
  const faultsWith = async (atMs?: number) => {
    const anchors = [atMs === undefined ? anchor : { ...anchor, atMs }];
    let faults = 0;
    for await (const report of verifyStore({ dataDir: fixture.dataDir, clock, anchors }))
      faults += report.faultCount;
    return faults;
  };
  expect([await faultsWith(toldAtMs), await faultsWith(clock.now + 1), await faultsWith()]).toEqual([
    0, 1, 1,
  ]);
});

test('the new tenure is above every epoch that was seen: in names of files, in the database, elsewhere', async () => {
  const dataDir = makeFolder();
  mkdirSync(join(dataDir, 'blobs', 'ab'), { recursive: true });
  mkdirSync(join(dataDir, 'tmp'));
  writeFileSync(join(dataDir, 'tmp', '17-3'), '');
  expect((await restore(dataDir)).epoch).toBe(18);
  const named = makeFolder();
  mkdirSync(join(backupDir, 'blobs', 'ab'), { recursive: true });
  writeFileSync(join(backupDir, 'blobs', 'ab', `ab${'0'.repeat(62)}.40-1`), '');
  expect((await restore(named)).epoch).toBe(41);
  expect((await restore(makeFolder(), { epochAbove: 99 })).epoch).toBe(100);
});

test('the time in which a store lay in its backup is no time of its sessions', async () => {
  clock.now += 90 * dayMs;
  const dataDir = makeFolder();
  await restore(dataDir);
  const session = withRaw(databasePath(dataDir), (db) => db.prepare('SELECT * FROM sessions').get());
  expect(session).toMatchObject({
    ended_at_ms: startMs + 90 * dayMs,
    last_activity_at_ms: startMs + 90 * dayMs,
  });
});

test('a plan that was being applied when the backup was made is not applied by the restored store', async () => {
  const plan = entry('plan-make', { plan: { kind: 'sweep' } });
  apply(plan);
  clock.now += 1;
  made = await backUp(fixture.session, { dataDir: fixture.dataDir, backupDir, clock });
  const dataDir = makeFolder();
  await restore(dataDir);
  const states = withRaw(databasePath(dataDir), (db) => db.prepare('SELECT state FROM plans').pluck().all());
  expect(states).toEqual(['expired']);
});

describe('refused', () => {
  test('while a writer runs', async () => {
    const before = dumpDatabase(databasePath(fixture.dataDir));
    await expect(restore(fixture.dataDir, { replace: true })).rejects.toMatchObject({
      code: 'LOCK_HELD',
      exitCode: 75,
    });
    expect(dumpDatabase(databasePath(fixture.dataDir))).toEqual(before);
  });

  test('a name that is none', async () => {
    const data = makeFolder();
    for (const name of ['../../etc', '20260101T000000.000Z-77'])
      await expect(restore(data, { name })).rejects.toMatchObject({ code: 'BACKUP_UNKNOWN' });
  });

  test('a newer format, and a newer schema', async () => {
    for (const change of [{ formatVersion: 2 }, { schemaVersion: '999' }]) {
      const path = join(backupDir, made.name, 'manifest.json');
      writeFileSync(path, JSON.stringify({ ...made.manifest, ...change }));
      await expect(restore(makeFolder())).rejects.toMatchObject({ code: 'SCHEMA_NEWER' });
    }
  });
});

describe('verify finds', () => {
  const database = () => join(backupDir, made.name, 'conversation_files.db');
  const manifest = () => join(backupDir, made.name, 'manifest.json');
  const pooled = () => join(backupDir, 'blobs', blobName);
  const change = (path: string, at: number) => {
    const bytes = readFileSync(path);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(path, bytes);
  };
  const edit = (fields: object) => writeFileSync(manifest(), JSON.stringify({ ...made.manifest, ...fields }));
  /** What is done to an archive, and what the check that finds it says. */
  const damages: Record<string, [() => void, RegExp]> = {
    'a bit of the database': [() => change(database(), 5_000), /a database with digest/],
    'a database that was cut': [() => truncateSync(database(), 8_192), /8192 bytes instead of/],
    'a database that grew': [() => appendFileSync(database(), 'x'), /bytes instead of/],
    'no database': [() => rmSync(database()), /no database/],
    'no manifest': [() => rmSync(manifest()), /ENOENT for its manifest/],
    'half a manifest': [() => truncateSync(manifest(), 40), /no JSON/],
    'another commit sequence': [() => edit({ commitSequence: 9 }), /another commitSequence/],
    'other counts': [() => edit({ counts: { ...made.manifest.counts, files: 1 } }), /another counts/],
    'another head of the audit': [
      () => edit({ audit: { auditId: 3, hash: 'f'.repeat(64) } }),
      /another audit/,
    ],
    'other names of blobs': [() => edit({ blobs: { ...made.manifest.blobs, count: 2 } }), /another blobs/],
    'a field too many': [() => edit({ more: 1 }), /unknown field/],
    'a bit of a blob': [() => change(pooled(), 77), /1 damaged blob files: .*not its digest/],
    'a blob that was cut': [() => truncateSync(pooled(), 1), /1 bytes instead of 120000/],
    'a blob that is gone': [() => rmSync(pooled()), /no file/],
  };
  test.each(Object.keys(damages))('%s', async (what) => {
    const [damage, message] = damages[what] ?? [];
    damage?.();
    expect(await verifyBackup({ backupDir, name: made.name, clock })).toMatchObject({
      ok: false,
      faults: [expect.stringMatching(message ?? /never/)],
    });
  });
});

test('what is damaged is not restored, and the folder stays as it was', async () => {
  rmSync(join(backupDir, 'blobs', blobName));
  const dataDir = makeFolder();
  await expect(restore(dataDir)).rejects.toMatchObject({ code: 'BACKUP_DAMAGED', exitCode: 78 });
  expect(readdirSync(dataDir)).toEqual(['writer.lock']);
});

test('a backup says that nobody verified it, until somebody did', async () => {
  expect(await listBackups(backupDir)).toMatchObject([
    { name: made.name, verdict: undefined, problem: undefined },
  ]);
  const verdict = await verifyBackup({ backupDir, name: made.name, clock });
  expect(verdict).toMatchObject({ ok: true, faults: [] });
  expect(await listBackups(backupDir)).toMatchObject([{ verdict }]);
});

test('a damaged file of the pool is moved aside by verify, and the next backup brings it back', async () => {
  writeFileSync(join(backupDir, 'blobs', blobName), 'other bytes');
  expect(await verifyBackup({ backupDir, name: made.name, clock })).toMatchObject({ ok: false });
  clock.now += 1;
  const next = await backUp(fixture.session, { dataDir: fixture.dataDir, backupDir, clock });
  expect(next.copied.blobs).toBe(1);
  expect(await verifyBackup({ backupDir, name: made.name, clock })).toMatchObject({ ok: true });
});

test('bytes that the data folder still has are taken when the pool has lost them', async () => {
  rmSync(join(backupDir, 'blobs', blobName));
  fixture.session.close();
  await restore(fixture.dataDir, { replace: true });
  expect(await faultsOf(fixture.dataDir)).toEqual([]);
});
