import {
  appendFileSync,
  closeSync,
  openSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { openManager } from '../../../../tests/support/data-folder.ts';
import { entry, idOf, sha256, storeEntry } from '../../../../tests/support/operations.ts';
import { startMs, useWriterSession } from '../../../../tests/support/writer-session.ts';
import { BlobFiles } from '../blobs.ts';
import { blobsDir, databasePath, tmpDir } from '../data-dir.ts';
import { type StepReport, verifyStore } from './verify.ts';

const fixture = useWriterSession();
const { apply, clock, tamper, column } = fixture;
const large = 'large '.repeat(20_000);
let largePath: string;
let small: string | undefined;

/** A small file, a large one, one deleted softly, one purged, one refused: every kind of row that is as it should be. */
beforeEach(async () => {
  const blobs = new BlobFiles({ blobsDir: blobsDir(fixture.dataDir), tmpDir: tmpDir(fixture.dataDir) }, 1);
  const draft = await blobs.begin();
  await draft.write(Buffer.from(large));
  const name = await draft.keep(sha256(large));
  largePath = join(blobsDir(fixture.dataDir), name);
  const made = [
    storeEntry('small'),
    storeEntry(large, {}, { content: { kind: 'file', name, mimeType: null } }),
    storeEntry('deleted'),
    storeEntry('purged'),
  ] as const;
  small = idOf(made[0]);
  apply(...made);
  apply(
    entry('file-delete', { sessionId: 's1', fileId: idOf(made[2]) }),
    entry('file-purge', { sessionId: 's1', fileId: idOf(made[3]) }),
    entry('file-rename', { sessionId: 's1', fileId: idOf(made[3]), filename: 'too late' }),
  );
});

async function verify(deep = true): Promise<StepReport[]> {
  const reports: StepReport[] = [];
  for await (const report of verifyStore({ dataDir: fixture.dataDir, deep, clock })) reports.push(report);
  return reports;
}

/** Which steps found something, with their faults. */
async function findings(deep = true): Promise<Record<string, readonly string[]>> {
  const found = (await verify(deep)).filter(({ faultCount }) => faultCount > 0);
  return Object.fromEntries(found.map(({ name, faults }) => [name, faults]));
}

test('a store as it should be passes every step, and each says how much it looked at', async () => {
  const reports = await verify();
  expect(reports.map(({ name, faultCount }) => [name, faultCount])).toEqual([
    ['schema', 0],
    ['integrity', 0],
    ['foreign keys', 0],
    ['ledger', 0],
    ['audit chain', 0],
    ['figures', 0],
    ['search', 0],
    ['rows without bytes', 0],
    ['sizes', 0],
    ['bytes without rows', 0],
    ['digests', 0],
  ]);
  const checked = Object.fromEntries(reports.map((report) => [report.name, report.checked]));
  expect(checked).toMatchObject({
    ledger: 7,
    'audit chain': 6,
    'rows without bytes': 3,
    sizes: 4,
    'bytes without rows': 1,
    digests: 4,
  });
  for (const { checked: count, milliseconds } of reports) {
    expect(count).toBeGreaterThan(0);
    expect(milliseconds).toBeGreaterThanOrEqual(0);
  }
  expect(reports.flatMap(({ notes }) => notes)).toEqual([
    { what: 'receipts of files that were purged since', count: 1 },
    { what: 'files behind the index, which searches walk over', count: 3 },
    { what: 'contents that no file uses any more', count: 1 },
  ]);
});

describe('damage is found by the step for it', () => {
  /** What is done to a store, and which steps must find it. */
  const damages: Record<string, [damage: () => void, ...steps: string[]]> = {
    'an index that is gone': [() => tamper('DROP INDEX idx_blobs_name'), 'schema'],
    'a row without its file': [
      () =>
        tamper(
          "PRAGMA foreign_keys = OFF; INSERT INTO file_metadata (file_id, metadata_key) VALUES ('nobody', 'k')",
        ),
      'foreign keys',
    ],
    'a file row that vanished': [
      () => tamper(`DELETE FROM conversation_files WHERE file_id = '${small}'`),
      'ledger',
    ],
    'a receipt of other bytes': [
      () =>
        tamper(
          `UPDATE conversation_files SET file_hash = '${sha256('deleted')}', file_size = 7 WHERE file_id = '${small}'`,
        ),
      'ledger',
      'figures',
    ],
    'a receipt that cannot be read': [
      () => tamper(`UPDATE ledger SET receipt = '{}' WHERE operation_id = '${small}'`),
      'ledger',
    ],
    'a commit counter that was put back': [
      () => tamper('UPDATE commit_state SET commit_sequence = 0'),
      'ledger',
    ],
    'a content row that is gone': [
      () => tamper(`DELETE FROM blobs WHERE digest = '${sha256('small')}'`),
      'rows without bytes',
    ],
    'inline bytes that are gone': [
      () => tamper('DELETE FROM blob_bytes WHERE blob_id = 1'),
      'sizes',
      'digests',
    ],
    'inline bytes of another length': [
      () => tamper("UPDATE blob_bytes SET bytes = x'00' WHERE blob_id = 1"),
      'sizes',
      'digests',
    ],
    'inline bytes that flipped': [
      () => tamper("UPDATE blob_bytes SET bytes = CAST('smaLl' AS BLOB) WHERE blob_id = 1"),
      'digests',
    ],
    'a blob file that is gone': [() => rmSync(largePath), 'sizes', 'digests'],
    'a blob file that was cut': [() => truncateSync(largePath, 10), 'sizes', 'digests'],
    'a blob file that grew': [() => appendFileSync(largePath, 'x'), 'sizes', 'digests'],
    'a blob file that flipped': [() => writeFileSync(largePath, `${large.slice(1)}L`), 'digests'],
    'a blob file under another name': [
      () => {
        renameSync(largePath, `${largePath}0`);
        age(`${largePath}0`);
      },
      'sizes',
      'bytes without rows',
      'digests',
    ],
  };

  test.each(Object.keys(damages))('%s', async (what) => {
    const [damage, ...steps] = damages[what] ?? [];
    damage?.();
    expect(Object.keys(await findings())).toEqual(steps);
  });

  test('and named', async () => {
    rmSync(largePath);
    expect(await findings(false)).toEqual({
      sizes: [`file content ${sha256(large)}: its bytes are gone`],
    });
  });
});

test('without deep no byte is read, so flipped ones are not found', async () => {
  writeFileSync(largePath, `${large.slice(1)}L`);
  expect(await findings(false)).toEqual({});
});

test('a damaged page ends its step and not the others', async () => {
  const [page] = column("SELECT rootpage FROM sqlite_master WHERE name = 'dead_letters'");
  const pageSize = Number(column('PRAGMA page_size')[0]);
  fixture.session.close(); // checkpoints: the page is in the file
  const bytes = Buffer.alloc(pageSize, 0xff);
  const file = openSync(databasePath(fixture.dataDir), 'r+');
  writeSync(file, bytes, 0, bytes.length, (Number(page) - 1) * pageSize);
  closeSync(file);
  const reports = await verify();
  expect(reports).toHaveLength(11);
  expect(reports.find(({ name }) => name === 'integrity')?.faultCount).toBeGreaterThan(0);
  expect(reports.find(({ name }) => name === 'digests')).toMatchObject({ faultCount: 0, checked: 4 });
});

test('a file that waits for its row is no fault before a day has passed', async () => {
  writeFileSync(join(blobsDir(fixture.dataDir), 'ab', 'waits'), 'x');
  expect(await findings()).toEqual({});
  age(join(blobsDir(fixture.dataDir), 'ab', 'waits'));
  expect(await findings()).toEqual({ 'bytes without rows': ['blobs/ab/waits: no row names it; 1 bytes'] });
});

test('rows that were adopted without their bytes are told from those that lost them', async () => {
  tamper(`INSERT INTO conversation_files (file_id, session_id, original_filename, stored_filename, file_path, file_size, file_hash)
    VALUES ('old', 's', 'old.txt', 'old.txt', '/srv/old.txt', 1, '${sha256('never seen')}')`);
  const rows = (await verify()).find(({ name }) => name === 'rows without bytes');
  expect(rows).toMatchObject({
    faultCount: 0,
    notes: [{ what: 'adopted files whose bytes were not imported', count: 1 }],
  });
});

test('many faults are all counted, and the first of them told', async () => {
  apply(...Array.from({ length: 30 }, (_, n) => storeEntry(`number ${n}`)));
  tamper('DELETE FROM blob_bytes');
  const sizes = (await verify(false)).find(({ name }) => name === 'sizes');
  expect(sizes).toMatchObject({ faultCount: 33, checked: 34 });
  expect(sizes?.faults).toHaveLength(20);
});

test('more rows than a page are all looked at', async () => {
  const many = Array.from({ length: 1_100 }, (_, n) => storeEntry(`number ${n}`));
  for (let at = 0; at < many.length; at += 256) apply(...many.slice(at, at + 256));
  const checked = Object.fromEntries((await verify()).map((report) => [report.name, report.checked]));
  expect(checked).toMatchObject({ ledger: 1_107, 'rows without bytes': 1_103, digests: 1_104 });
});

test('a database of an older version is not judged by rules of this one', async () => {
  fixture.session.close();
  const manager = await openManager(fixture.dataDir);
  manager.migrateDown({ to: '001', discard: true });
  await expect(verify()).rejects.toMatchObject({ code: 'NOT_INITIALIZED' });
});

/** Two days older than the clock of the test. */
function age(path: string): void {
  const seconds = startMs / 1000 - 2 * 86_400;
  utimesSync(path, seconds, seconds);
}

test('an audit that is kept for less time than receipts is no fault; a file that went since then is', async () => {
  clock.now += 86_400_000;
  const late = storeEntry('late');
  apply(late);
  for (let more = true; more; )
    ({ more } = fixture.session.maintain({ kind: 'audit-prune', beforeMs: clock.now }));
  expect(await findings()).toEqual({});
  tamper(`DELETE FROM conversation_files WHERE file_id = '${idOf(late)}'`);
  expect((await findings()).ledger).toEqual([expect.stringContaining('a receipt, but no file and no purge')]);
});
