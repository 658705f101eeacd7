import { readdirSync, readlinkSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { damage, storeFile } from '../../../tests/support/blob-files.ts';
import { noise } from '../../../tests/support/files.ts';
import { idOf, storeEntry } from '../../../tests/support/operations.ts';
import { useWriterSession } from '../../../tests/support/writer-session.ts';
import { CheckedContents } from './content-range.ts';
import { ContentDesk, openReader } from './index.ts';
import { openContent } from './open-content.ts';

const fixture = useWriterSession();
const text = noise(600_000, 'range').toString('base64');
const ranges = [
  [0, 0],
  [0, text.length - 1],
  [text.length - 1, text.length - 1],
  [262_143, 262_144],
  [1, 700_000],
] as const;

async function storeLarge(content = text) {
  const desk = new ContentDesk(fixture.dataDir, fixture.session.epoch);
  return storeFile(fixture, desk, content);
}

test('a part is exactly the bytes asked for, in the database and beside it; none beyond the end is given', async () => {
  const { fileId } = await storeLarge();
  const short = text.slice(0, 1_000);
  const inline = storeEntry(short);
  fixture.apply(inline);
  const reader = openReader({ dataDir: fixture.dataDir });
  const part = async (id: string, start: number, end: number) => {
    const { stream } = await reader.openContent(id, { range: { start, end } });
    return (await buffer(stream)).toString();
  };
  try {
    for (const [start, end] of ranges) {
      expect(await part(fileId, start, end)).toBe(text.slice(start, end + 1));
      if (end < 1_000) expect(await part(idOf(inline), start, end)).toBe(short.slice(start, end + 1));
    }
    expect(await part(idOf(inline), 990, 999)).toBe(short.slice(990));
    for (const [start, end] of [
      [0, text.length],
      [-1, 3],
      [5, 4],
      [0.5, 2],
    ] as const) {
      await expect(part(fileId, start, end)).rejects.toThrow(RangeError);
    }
    expect(openBlobs()).toEqual([]);
  } finally {
    reader.close();
  }
});

test('damage anywhere refuses the first part of a content; later damage breaks the part that it is in', async () => {
  const { fileId, name } = await storeLarge();
  const reader = openReader({ dataDir: fixture.dataDir });
  try {
    damage(fixture.dataDir, name);
    const atBegin = { range: { start: 0, end: 9 } };
    await expect(reader.openContent(fileId, atBegin)).rejects.toMatchObject({ code: 'CONTENT_DAMAGED' });
    damage(fixture.dataDir, name);
    expect(await buffer((await reader.openContent(fileId, atBegin)).stream)).toHaveLength(10);
    damage(fixture.dataDir, name);
    const inTheMiddle = Math.floor(text.length / 2);
    const { stream } = await reader.openContent(fileId, { range: { start: inTheMiddle, end: inTheMiddle } });
    await expect(buffer(stream)).rejects.toMatchObject({ code: 'CONTENT_DAMAGED' });
    expect(openBlobs()).toEqual([]);
  } finally {
    reader.close();
  }
});

test('the whole is checked once however many ask, and again after it was forgotten', async () => {
  const [one, two] = [await storeLarge(), await storeLarge(`${text}2`)];
  const checked = new CheckedContents(6);
  const part = async (fileId: string) => {
    const range = { part: { start: 3, end: 5 }, checked };
    return buffer((await openContent(fixture.look, fixture.dataDir, fileId, { range })).stream);
  };
  await Promise.all([part(one.fileId), part(one.fileId), part(one.fileId)]);
  await part(one.fileId);
  expect(checked.checks).toBe(1);
  await part(two.fileId);
  await part(one.fileId);
  expect(checked.checks).toBe(3);
  expect(openBlobs()).toEqual([]);
});

function openBlobs(): string[] {
  return readdirSync('/proc/self/fd', { withFileTypes: true })
    .map(({ name }) => linkOf(name))
    .filter((target) => target.includes(`${fixture.dataDir}/blobs/`));
}

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return ''; // closed since it was listed
  }
}
