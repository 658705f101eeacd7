// kill -9 at every step of making, pruning and restoring backups: what is there afterwards is whole, the old or the new, or it
// says what has to be done; and doing the same again brings it to its end.

import { cpSync, existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  listBackups,
  makeBackupAlone,
  restoreBackup,
  verifyBackup,
  verifyStore,
  WriterSession,
} from '@filefleet/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { backUp, dumpDatabase, largeEntry } from '../support/backing-up.ts';
import { makeFolder } from '../support/data-folder.ts';
import { databaseFile } from '../support/database.ts';
import { casesOf } from '../support/full-forms.ts';
import { finish, killAt, type Passing, passingsOf } from '../support/killing-at-steps.ts';
import { useMemoryFolders } from '../support/memory-folders.ts';
import { storeEntry } from '../support/operations.ts';
import type { Order } from '../support/steps-child.ts';
import { startWriter } from '../support/writer.ts';

useMemoryFolders();

interface Place {
  readonly dataDir: string;
  readonly backupDir: string;
}

/** The backup that is restored; the files that were there then, and those that came later. */
let name: string;
let then: readonly string[];
let later: readonly string[];
let template: string;

const large = (text: string) => `${text} `.repeat(20_000);
const placeOf = (folder: string): Place => ({
  dataDir: join(folder, 'data'),
  backupDir: join(folder, 'backups'),
});
const orderOf = (action: Order['action'], place: Place, { step, nth }: Passing): Order => ({
  ...place,
  action,
  name,
  sourcePath: '',
  storageDir: '',
  step,
  nth,
});

/** Files of the store as their rows say; undefined when there is no database. */
const filesOf = (dataDir: string): readonly string[] | undefined =>
  existsSync(databaseFile(dataDir)) ? dumpDatabase(databaseFile(dataDir)).conversation_files : undefined;

beforeEach(async () => {
  template = makeFolder();
  const { dataDir, backupDir } = placeOf(template);
  const session = await WriterSession.open({ dataDir });
  const store = async (text: string) => {
    session.apply([await largeEntry(dataDir, session.epoch, large(text)), storeEntry(text)]);
  };
  await store('first');
  ({ name } = await backUp(session, { dataDir, backupDir }));
  then = filesOf(dataDir) ?? [];
  await store('second');
  later = filesOf(dataDir) ?? [];
  session.close();
});

/** A copy of the template for each case. */
function takePlace(): Place {
  const folder = makeFolder();
  cpSync(template, folder, { recursive: true });
  return placeOf(folder);
}

async function faultsOf(dataDir: string): Promise<string[]> {
  const faults: string[] = [];
  for await (const report of verifyStore({ dataDir, deep: true })) faults.push(...report.faults);
  return faults;
}

/** What a data folder is: whole, as it was or as it shall be; marked as being switched; or none of these. */
async function stateOf(dataDir: string): Promise<'old' | 'new' | 'marked' | 'torn'> {
  if (existsSync(join(dataDir, 'restore.json'))) return 'marked';
  const files = filesOf(dataDir);
  if (files === undefined || (await faultsOf(dataDir)).length > 0) return 'torn';
  if (files.length === later.length) return 'old';
  return files.length === then.length ? 'new' : 'torn';
}

async function inEach(cases: readonly Passing[], work: (passing: Passing) => Promise<void>): Promise<void> {
  const left = [...cases];
  const worker = async () => {
    for (let next = left.shift(); next; next = left.shift()) await work(next);
  };
  await Promise.all([worker(), worker()]);
}

test('a killed restore leaves the old store, the new one, or a mark that keeps writers out; again finishes it', async () => {
  const all = await passingsOf(orderOf('restore', takePlace(), { step: '', nth: 0 }));
  expect(all.length).toBeGreaterThan(15);
  const telling =
    /^(rebuild\.blob|rebuild\.done|switch\.(before|begun|old-blobs|new-blobs|old-database|new-database|done))$/;
  const states = new Map<string, string>();
  await inEach(
    casesOf('tests/scenarios/backup-kills: restore', all, ({ step, nth }) => telling.test(step) && nth === 1),
    async (passing) => {
      const place = takePlace();
      await killAt(orderOf('restore', place, passing));
      const state = await stateOf(place.dataDir);
      states.set(passing.step, state);
      if (state === 'marked') {
        const refused = {
          code: 'RESTORE_UNFINISHED',
          exitCode: 78,
          message: expect.stringContaining(`backup restore ${name}`),
        };
        await expect(WriterSession.open({ dataDir: place.dataDir })).rejects.toMatchObject(refused);
        await expect(makeBackupAlone(place)).rejects.toMatchObject(refused);
      }
      await finish(orderOf('restore', place, passing));
      expect([passing, await stateOf(place.dataDir)]).toEqual([passing, 'new']);
      expect(readdirSync(place.dataDir).filter((file) => /^restor/.test(file))).toEqual([]);
      const session = await WriterSession.open({ dataDir: place.dataDir });
      expect(session.apply([storeEntry('after')]).results).toMatchObject([{ kind: 'settled' }]);
      session.close();
    },
  );
  expect(states.get('rebuild.done')).toBe('old');
  expect(states.get('switch.before')).toBe('old');
  expect(states.get('switch.old-blobs')).toBe('marked');
  expect(states.get('switch.old-database')).toBe('marked');
  expect(states.get('switch.done')).toBe('new');
});

test('the judge of these states knows a torn store: one with the database of another', async () => {
  const place = takePlace();
  expect(await stateOf(place.dataDir)).toBe('old');
  const { kept } = await restoreBackup({ ...place, name, replace: true });
  expect(await stateOf(place.dataDir)).toBe('new');
  for (const suffix of ['', '-wal', '-shm'])
    rmSync(`${databaseFile(place.dataDir)}${suffix}`, { force: true });
  renameSync(databaseFile(kept ?? ''), databaseFile(place.dataDir)); // its blobs stay where they are
  expect(await stateOf(place.dataDir)).toBe('torn');
});

test('a writer that finds a restore unfinished ends with 78 and says what to do', async () => {
  const place = takePlace();
  await killAt(orderOf('restore', place, { step: 'switch.old-database', nth: 1 }));
  const writer = startWriter({ redisUrl: 'redis://127.0.0.1:1', dataDir: place.dataDir });
  expect(await writer.exited).toMatchObject({ code: 78 });
  expect(writer.lines.at(-1)).toMatchObject({
    code: 'RESTORE_UNFINISHED',
    message: expect.stringContaining(name),
  });
});

test('a killed backup is not there or whole, and the next one is made', async () => {
  const all = await passingsOf(orderOf('backup', takePlace(), { step: '', nth: 0 }));
  expect(all.map(({ step }) => step)).toEqual(
    expect.arrayContaining(['backup.begun', 'backup.copied', 'backup.blob', 'backup.published']),
  );
  const telling = /^backup\.(blob|described|published)$/;
  await inEach(
    casesOf('tests/scenarios/backup-kills: backup', all, ({ step }) => telling.test(step)),
    async (passing) => {
      const place = takePlace();
      await killAt(orderOf('backup', place, passing));
      expect(await stateOf(place.dataDir)).toBe('old');
      const left = await listBackups(place.backupDir);
      expect([passing.step, left.length]).toEqual([
        passing.step,
        passing.step === 'backup.published' ? 2 : 1,
      ]);
      const next = await makeBackupAlone(place);
      expect(readdirSync(place.backupDir).filter((file) => file.startsWith('.'))).toEqual([]);
      for (const one of [...left.map((listed) => listed.name), next.name]) {
        expect([one, (await verifyBackup({ backupDir: place.backupDir, name: one })).faults]).toEqual([
          one,
          [],
        ]);
      }
    },
  );
});

describe('a killed prune', () => {
  test('leaves every backup whole or gone, and again finishes it', async () => {
    const { dataDir, backupDir } = placeOf(template);
    const session = await WriterSession.open({ dataDir });
    const newest = await backUp(session, { dataDir, backupDir });
    session.close();
    const all = await passingsOf(orderOf('prune', takePlace(), { step: '', nth: 0 }));
    await inEach(
      casesOf('tests/scenarios/backup-kills: prune', all, ({ step }) => step === 'prune.hidden'),
      async (passing) => {
        const place = takePlace();
        await killAt(orderOf('prune', place, passing));
        for (const listed of await listBackups(place.backupDir)) {
          const { faults } = await verifyBackup({ backupDir: place.backupDir, name: listed.name });
          expect([passing, listed.name, faults]).toEqual([passing, listed.name, []]);
        }
        await finish(orderOf('prune', place, passing));
        expect((await listBackups(place.backupDir)).map((listed) => listed.name)).toEqual([newest.name]);
      },
    );
  });
});
