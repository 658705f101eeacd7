import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { backUp, dumpDatabase, largeEntry } from '../../../../tests/support/backing-up.ts';
import { makeFolder } from '../../../../tests/support/data-folder.ts';
import {
  entry,
  idOf,
  type OperationEntry,
  sha256,
  storeEntry,
} from '../../../../tests/support/operations.ts';
import { startMs, useWriterSession } from '../../../../tests/support/writer-session.ts';
import { databasePath } from '../data-dir.ts';
import { WriterSession } from '../writer-session.ts';
import { lockBackups } from './lock.ts';
import { makeBackup } from './make-backup.ts';

const fixture = useWriterSession();
const { apply, clock } = fixture;
let backupDir: string;

beforeEach(() => {
  backupDir = join(makeFolder(), 'backups');
});

async function storeLarge(text: string): Promise<string> {
  const made = await largeEntry(fixture.dataDir, fixture.session.epoch, text);
  apply(made);
  return String(fixture.row('SELECT name FROM blobs WHERE digest = ?', sha256(text)).name);
}

const make = () => backUp(fixture.session, { dataDir: fixture.dataDir, backupDir, clock });
const large = 'large '.repeat(20_000);

test('a backup is one database, the blob files that it names, and a manifest of both', async () => {
  const name = await storeLarge(large);
  apply(storeEntry('small'));
  const made = await make();
  expect(made.copied).toEqual({ blobs: 1, bytes: 120_000 });
  expect(made.manifest).toMatchObject({
    createdAt: new Date(startMs).toISOString(),
    commitSequence: 2,
    epoch: 1,
    counts: { files: 2, deletedFiles: 0, sessions: 1, receipts: 2 },
    blobs: { count: 1, bytes: 120_000 },
    missing: [],
  });
  const head = fixture.row(
    'SELECT audit_id, hex(entry_hash) AS hash FROM audit_entries ORDER BY audit_id DESC LIMIT 1',
  );
  expect(made.manifest.audit).toEqual({ auditId: head.audit_id, hash: String(head.hash).toLowerCase() });
  const folder = join(backupDir, made.name);
  expect(readdirSync(folder).sort()).toEqual(['conversation_files.db', 'manifest.json']);
  expect(JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'))).toEqual(made.manifest);
  const database = readFileSync(join(folder, 'conversation_files.db'));
  expect(made.manifest.database).toEqual({ bytes: database.length, sha256: sha256(database) });
  expect(readFileSync(join(backupDir, 'blobs', name), 'utf8')).toBe(large);
});

test('looking at a backup leaves nothing beside its database', async () => {
  const made = await make();
  dumpDatabase(join(backupDir, made.name, 'conversation_files.db'));
  expect(readdirSync(join(backupDir, made.name)).sort()).toEqual(['conversation_files.db', 'manifest.json']);
});

test('the next backup copies only new blob files, and both have all of theirs', async () => {
  const first = await storeLarge(large);
  await make();
  const before = statSync(join(backupDir, 'blobs', first));
  clock.now += 1;
  const second = await storeLarge(`${large}and more`);
  const made = await make();
  expect(made.copied).toEqual({ blobs: 1, bytes: 120_008 });
  expect(made.manifest.blobs).toMatchObject({ count: 2, bytes: 240_008 });
  const after = statSync(join(backupDir, 'blobs', first));
  expect([after.ino, after.mtimeMs]).toEqual([before.ino, before.mtimeMs]);
  expect(existsSync(join(backupDir, 'blobs', second))).toBe(true);
});

test('blob files that are gone or damaged are named, and no wrong byte gets into the pool', async () => {
  const [gone, damaged] = [await storeLarge(large), await storeLarge(`${large}2`)];
  rmSync(join(fixture.dataDir, 'blobs', gone));
  writeFileSync(join(fixture.dataDir, 'blobs', damaged), `${large}3`);
  const { manifest, copied } = await make();
  expect(copied.blobs).toBe(0);
  expect(new Map(manifest.missing.map(({ name, reason }) => [name, reason]))).toEqual(
    new Map([
      [gone, 'no file'],
      [damaged, `digest ${sha256(`${large}3`)}`],
    ]),
  );
  expect(existsSync(join(backupDir, 'blobs', damaged))).toBe(false);
});

test('while groups are committed, the copy is the store as of one commit, all tables to the letter', async () => {
  const groups: OperationEntry[][] = [];
  const commit = () => {
    clock.now += 7;
    const stored = Array.from({ length: 20 }, (_, n) =>
      storeEntry(
        `${groups.length} ${n} ${'x'.repeat(3_000)}`,
        { sessionId: `s${n % 3}` },
        { atMs: clock.now },
      ),
    );
    const first = groups[0]?.[groups.length % 20];
    const sessionId = `s${(groups.length % 20) % 3}`;
    const changes = first
      ? [
          entry(
            'file-rename',
            { sessionId, fileId: idOf(first), filename: `${groups.length}` },
            { atMs: clock.now },
          ),
          entry('file-delete', { sessionId, fileId: idOf(first) }, { atMs: clock.now }),
          entry('file-restore', { sessionId, fileId: idOf(first) }, { atMs: clock.now }),
        ]
      : [];
    groups.push([...stored, ...changes]);
    apply(...(groups.at(-1) ?? []));
  };
  while (groups.length < 40) commit();
  const slices: number[] = [];
  const { name, manifest } = await makeBackup({
    dataDir: fixture.dataDir,
    backupDir,
    clock,
    copyDatabase: (path) =>
      fixture.session.backupTo(path, {
        sliceMs: 0.1,
        onSlice: (left) => {
          slices.push(left);
          if (slices.length % 4 === 0) commit();
        },
      }),
  });
  commit();
  expect(slices.length).toBeGreaterThan(20);
  expect(manifest.commitSequence).toBeGreaterThan(40);
  expect(manifest.commitSequence).toBeLessThan(groups.length);

  // The oracle: the same groups, applied by a store of its own up to that commit.
  const oracleDir = makeFolder();
  const oracleClock = { now: startMs, nowMs: () => oracleClock.now };
  const oracle = await WriterSession.open({ dataDir: oracleDir, clock: oracleClock });
  for (const group of groups.slice(0, manifest.commitSequence)) {
    oracleClock.now += 7;
    oracle.apply(group);
  }
  oracle.close();
  const [copied, wanted] = [databasePath(join(backupDir, name)), databasePath(oracleDir)].map(dumpDatabase);
  // Wall-clock times in the one, and in the other the id, which no two stores share.
  const tables = Object.keys(wanted ?? {}).filter((table) => !['schema_migrations', 'store'].includes(table));
  expect(tables.length).toBeGreaterThan(15);
  const differing = tables.filter(
    (table) => withoutWallClock(copied?.[table]) !== withoutWallClock(wanted?.[table]),
  );
  expect(differing).toEqual([]);
});

/** 001's text times are made by triggers of the database, to the second. */
const withoutWallClock = (rows: readonly string[] = []): string =>
  rows.join('\n').replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, 'then');

test('a session that is closed meanwhile ends the backup with CLOSED, and leaves nothing', async () => {
  for (let n = 0; n < 40; n++)
    apply(...Array.from({ length: 20 }, (_, i) => storeEntry(`${n} ${i} ${'x'.repeat(3_000)}`)));
  const copying = makeBackup({
    dataDir: fixture.dataDir,
    backupDir,
    copyDatabase: (path) =>
      fixture.session.backupTo(path, { sliceMs: 0.1, onSlice: () => fixture.session.close() }),
  });
  await expect(copying).rejects.toMatchObject({ code: 'CLOSED' });
  expect(readdirSync(backupDir).sort()).toEqual(['backups.lock', 'making.lock']);
});

test('a folder that cannot be written, and one where somebody else is at work, are errors with codes', async () => {
  writeFileSync(backupDir, 'a file');
  await expect(make()).rejects.toMatchObject({ code: 'BACKUP_FAILED', exitCode: 74 });
  rmSync(backupDir);
  const release = lockBackups(backupDir, 'removing');
  await expect(make()).rejects.toMatchObject({ code: 'BACKUP_BUSY', exitCode: 75 });
  release();
  await expect(make()).resolves.toMatchObject({ copied: { blobs: 0 } });
});
