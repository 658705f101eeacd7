// The sweep and what follows it: rows first, files after the COMMIT, what a kill left behind as orphans.

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { blobsDir, ContentDesk, WriterSession } from '@filefleet/store';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { drain, sweptOf } from '../../../../tests/support/maintaining.ts';
import { entry, sha256, storeEntry } from '../../../../tests/support/operations.ts';
import { useWriterSession } from '../../../../tests/support/writer-session.ts';

const fixture = useWriterSession();
const { apply, clock, count, row, tamper } = fixture;
const hour = 3_600_000;

let desk: ContentDesk;
beforeEach(() => {
  desk = new ContentDesk(fixture.dataDir, fixture.session.epoch);
});
afterEach(() => desk.close());

const sweep = (graceMs = hour) => sweptOf(drain(fixture.session, { kind: 'sweep', graceMs }));
const pathOf = (name: string | null) => join(blobsDir(fixture.dataDir), name ?? '');

async function storeFile(text: string, sessionId = 's1'): Promise<string> {
  const draft = await desk.beginBlob();
  await draft.write(Buffer.from(text));
  const name = await draft.keep(sha256(text));
  apply(storeEntry(text, { sessionId }, { content: { kind: 'file', name, mimeType: null } }));
  return name;
}
const purge = (sessionId = 's1') => apply(entry('session-cleanup', { sessionId, mode: 'hard' }));

test('takes what nobody has named for the grace time, which begins when it first looks', async () => {
  const name = await storeFile('large');
  apply(storeEntry('small'), storeEntry('shared'), storeEntry('shared', { sessionId: 's2' }));
  purge();
  clock.now += 10 * hour;
  expect(sweep()).toEqual([]);
  clock.now += hour - 1;
  expect(sweep()).toEqual([]);
  clock.now += 1;
  const swept = sweep();
  expect(swept).toEqual([
    { digest: sha256('large'), size: 5, name },
    { digest: sha256('small'), size: 5, name: null },
  ]);
  expect([count('blobs'), count('blob_bytes')]).toEqual([1, 1]);
  expect(existsSync(pathOf(name))).toBe(true);
  expect(await desk.removeSwept(swept)).toBe(1);
  expect(existsSync(pathOf(name))).toBe(false);
  expect(await desk.removeSwept(swept)).toBe(0);
});

test('begins the grace anew when a file names the content in between', () => {
  apply(storeEntry('x'));
  purge();
  sweep();
  clock.now += hour;
  apply(storeEntry('x'));
  expect(sweep(0)).toEqual([]);
  purge();
  expect(sweep()).toEqual([]);
  clock.now += hour;
  expect(sweep()).toHaveLength(1);
});

test('asks whether a file names the content, whatever the list of candidates says', () => {
  apply(storeEntry('x'));
  tamper(
    'INSERT INTO unreferenced_blobs (blob_id, digest, size, since_ms) SELECT blob_id, digest, size, 1 FROM blobs',
  );
  expect(sweep(0)).toEqual([]);
  expect([count('blobs'), count('unreferenced_blobs')]).toEqual([1, 0]);
});

test('goes on where it ended, in slices of 200', async () => {
  fixture.session.close();
  const { dataDir } = fixture;
  fixture.session = await WriterSession.open({ dataDir, clock, monotonic: () => 0 });
  apply(...Array.from({ length: 450 }, (_, n) => storeEntry(`content ${n}`)));
  purge();
  const slices = drain(fixture.session, { kind: 'sweep', graceMs: 0 });
  expect(slices.map(({ rows }) => Math.min(rows, 200))).toEqual(slices.map(({ rows }) => rows));
  expect(sweptOf(slices)).toHaveLength(450);
  expect(row('SELECT sum(blobs) AS blobs, sum(bytes) AS bytes FROM blob_usage')).toEqual({
    blobs: 0,
    bytes: 0,
  });
});

test('of a replaced writer unlinks nothing', async () => {
  const name = await storeFile('large');
  purge();
  const swept = sweep(0);
  tamper("INSERT INTO writer_epochs (holder, pid, started_at_ms) VALUES ('other', 1, 1)");
  await expect(desk.removeSwept(swept)).rejects.toMatchObject({ code: 'EPOCH_SUPERSEDED' });
  expect(existsSync(pathOf(name))).toBe(true);
});

test('leaves a file to the orphans when its writer ends before the unlink; a file with a row is never one', async () => {
  const left = await storeFile('left');
  purge();
  sweep(0);
  const kept = await storeFile('kept');
  const foreign = 'ab/notes.txt';
  writeFileSync(pathOf(foreign), 'mine');
  const names = [left, kept, foreign, '../conversation_files.db'];
  const { swept } = fixture.session.maintain({ kind: 'orphans', names });
  expect(swept.map(({ name }) => name)).toEqual([left]);
  await desk.removeSwept(swept);
  expect([left, kept, foreign].map((name) => existsSync(pathOf(name)))).toEqual([false, true, true]);
});
