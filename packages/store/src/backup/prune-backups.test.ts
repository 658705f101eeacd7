import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { backUp, largeEntry } from '../../../../tests/support/backing-up.ts';
import { makeFolder } from '../../../../tests/support/data-folder.ts';
import { entry, idOf, sha256 } from '../../../../tests/support/operations.ts';
import { useWriterSession } from '../../../../tests/support/writer-session.ts';
import { listBackups } from './list-backups.ts';
import { lockBackups } from './lock.ts';
import { pruneBackups } from './prune-backups.ts';
import { verifyBackup } from './verify-backup.ts';

const fixture = useWriterSession();
const { clock } = fixture;
let backupDir: string;
/** Three backups: the first file is in the first two, the second in the last two. */
let names: string[];
let blobs: string[];

beforeEach(async () => {
  backupDir = join(makeFolder(), 'backups');
  const texts = ['first '.repeat(20_000), 'second '.repeat(20_000)];
  const enter = (text = '') => largeEntry(fixture.dataDir, fixture.session.epoch, text);
  const [first, second] = [await enter(texts[0]), await enter(texts[1])];
  const make = async () => {
    clock.now += 1_000;
    return (await backUp(fixture.session, { dataDir: fixture.dataDir, backupDir, clock })).name;
  };
  fixture.apply(first);
  names = [await make()];
  fixture.apply(second);
  names.push(await make());
  blobs = texts.map((text) =>
    String(fixture.row('SELECT name FROM blobs WHERE digest = ?', sha256(text)).name),
  );
  fixture.apply(entry('file-purge', { sessionId: 's1', fileId: idOf(first) }));
  fixture.tamper(`DELETE FROM blobs WHERE digest = '${sha256(texts[0] ?? '')}'`); // what the sweep does in time
  names.push(await make());
});

const inPool = () => blobs.filter((name) => existsSync(join(backupDir, 'blobs', name)));

test('the newest are kept with all that they need, the others go with what only they needed', async () => {
  expect(await pruneBackups(backupDir, 2)).toEqual({ removed: names.slice(0, 1), blobs: 0 });
  expect(inPool()).toEqual(blobs);
  expect(await pruneBackups(backupDir, 1)).toEqual({ removed: names.slice(1, 2), blobs: 1 });
  expect(inPool()).toEqual(blobs.slice(1));
  expect((await listBackups(backupDir)).map(({ name }) => name)).toEqual(names.slice(2));
  expect(await verifyBackup({ backupDir, name: names[2] ?? '', clock })).toMatchObject({ ok: true });
});

test.each(['manifest.json', 'conversation_files.db'])(
  'nothing goes when the %s of one cannot be read: what it needs nobody can tell',
  async (damaged) => {
    rmSync(join(backupDir, names[1] ?? '', damaged));
    await expect(pruneBackups(backupDir, 2)).rejects.toMatchObject({ code: 'BACKUP_DAMAGED' });
    expect(inPool()).toEqual(blobs);
    expect(readdirSync(backupDir)).toEqual(expect.arrayContaining(names));
  },
);

test('a damaged one is in the list, with what is wrong', async () => {
  writeFileSync(join(backupDir, names[1] ?? '', 'manifest.json'), '{}');
  const problems = (await listBackups(backupDir)).map(({ problem }) => problem);
  expect(problems).toEqual([
    undefined,
    expect.stringMatching(/no count at manifest.formatVersion/),
    undefined,
  ]);
});

test('leftovers of what was killed go, and nobody is disturbed at his work', async () => {
  mkdirSync(join(backupDir, '.making-1-1'));
  writeFileSync(join(backupDir, '.making-1-1', 'blob-1'), 'half');
  const release = lockBackups(backupDir, 'reading');
  await expect(pruneBackups(backupDir, 1)).rejects.toMatchObject({ code: 'BACKUP_BUSY' });
  release();
  await pruneBackups(backupDir, 3);
  expect(readdirSync(backupDir).sort()).toEqual([...names, 'backups.lock', 'blobs', 'making.lock']);
});

test('it keeps at least one', async () => {
  for (const keep of [0, -1, 1.5]) await expect(pruneBackups(backupDir, keep)).rejects.toThrow(RangeError);
});
