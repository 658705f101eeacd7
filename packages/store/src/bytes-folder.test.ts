import { readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { useWriterSession } from '../../../tests/support/writer-session.ts';
import { BytesFolder } from './bytes-folder.ts';
import { ContentDesk } from './content-desk.ts';
import { deadLettersDir, quarantineDir } from './data-dir.ts';

const store = useWriterSession();

test('the folder stays within its room: the oldest go first, also those of an earlier writer', async () => {
  const desk = new ContentDesk(store.dataDir, store.session.epoch);
  const folder = deadLettersDir(store.dataDir);
  const keepIn = async (refused: BytesFolder, name: string, atMs: number) => {
    const draft = await desk.beginBlob();
    await draft.write(Buffer.alloc(400));
    await refused.keep(draft, name, 400);
    utimesSync(refused.pathOf(name), atMs / 1_000, atMs / 1_000);
  };
  const limits = { lifeMs: 1_000, totalBytes: 1_000 };
  const first = new BytesFolder(folder, limits);
  await keepIn(first, 'b', 2_000);
  await keepIn(first, 'a', 1_000);
  const second = new BytesFolder(folder, limits);
  await keepIn(second, 'c', 3_000);
  expect(readdirSync(folder).sort()).toEqual(['b', 'c']);
  await keepIn(second, 'd', 4_000);
  expect(readdirSync(folder).sort()).toEqual(['c', 'd']);
  expect(await second.prune(() => true, 4_500)).toBe(1);
  expect(readdirSync(folder)).toEqual(['d']);
  desk.close();
});

test('what lies in quarantine goes after a month, and bytes of a job that is listed no more before that', async () => {
  const dayMs = 24 * 3_600_000;
  const desk = new ContentDesk(store.dataDir, store.session.epoch);
  const folder = quarantineDir(store.dataDir);
  const put = (name: string, atMs: number) => {
    writeFileSync(join(folder, name), name);
    utimesSync(join(folder, name), atMs / 1_000, atMs / 1_000);
  };
  put('damaged-a', dayMs);
  put('damaged-b', 3 * dayMs);
  put('job-without-a-row', 31 * dayMs);
  put('job-whose-row-is-on-its-way', 32 * dayMs);
  expect(await desk.pruneKept(32 * dayMs)).toBe(2);
  expect(readdirSync(folder).sort()).toEqual(['damaged-b', 'job-whose-row-is-on-its-way']);
  desk.close();
});
