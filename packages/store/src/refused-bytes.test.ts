import { readdirSync, utimesSync } from 'node:fs';
import { expect, test } from 'vitest';
import { useWriterSession } from '../../../tests/support/writer-session.ts';
import { ContentDesk } from './content-desk.ts';
import { deadLettersDir } from './data-dir.ts';
import { RefusedBytes } from './refused-bytes.ts';

const store = useWriterSession();

test('the folder stays within its room: the oldest go first, also those of an earlier writer', async () => {
  const desk = new ContentDesk(store.dataDir, store.session.epoch);
  const folder = deadLettersDir(store.dataDir);
  const keepIn = async (refused: RefusedBytes, name: string, atMs: number) => {
    const draft = await desk.beginBlob();
    await draft.write(Buffer.alloc(400));
    await refused.keep(draft, name, 400);
    utimesSync(refused.pathOf(name), atMs / 1_000, atMs / 1_000);
  };
  const limits = { lifeMs: 1_000, totalBytes: 1_000 };
  const first = new RefusedBytes(folder, limits);
  await keepIn(first, 'b', 2_000);
  await keepIn(first, 'a', 1_000);
  const second = new RefusedBytes(folder, limits);
  await keepIn(second, 'c', 3_000);
  expect(readdirSync(folder).sort()).toEqual(['b', 'c']);
  await keepIn(second, 'd', 4_000);
  expect(readdirSync(folder).sort()).toEqual(['c', 'd']);
  expect(await second.prune(() => true, 4_500)).toBe(1);
  expect(readdirSync(folder)).toEqual(['d']);
  desk.close();
});
