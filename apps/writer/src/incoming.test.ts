// What the dashboard leaves on this disk is taken when it is what was promised, and copied; whatever else lies there harms nobody.

import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { limits, parseOperation, redisKeys } from '@filefleet/protocol';
import { blobsDir, incomingDir, incomingLifeMs } from '@filefleet/store';
import { expect, onTestFinished, test } from 'vitest';
import { noise } from '../../../tests/support/files.ts';
import { sha256, storeEntry } from '../../../tests/support/operations.ts';
import { openDesk, promiseStore, type StorePayload } from '../../../tests/support/staging.ts';
import { ContentStage } from './content.ts';
import type { EventName } from './events.ts';
import { IncomingFiles } from './incoming.ts';
import { incomingTask } from './maintenance/incoming-task.ts';

const large = noise(limits.chunkBytes * 2 + 1_000, 'large');
const small = Buffer.from('small enough for the database');
const missing = { kind: 'unavailable', code: 'CONTENT_MISSING' };
const damaged = { kind: 'unavailable', code: 'STAGE_DAMAGED' };

async function makeStage() {
  const { dataDir, session, desk } = await openDesk();
  const folder = incomingDir(dataDir);
  const events: [EventName, object][] = [];
  const incoming = new IncomingFiles(folder, (event, facts) => void events.push([event, facts]));
  const nobody = () => Promise.reject(new Error('expected nothing to be fetched from Redis'));
  const stage = new ContentStage({
    desk,
    readChunk: nobody,
    pourChunks: nobody,
    incoming,
    keys: redisKeys(),
    limits,
    disk: { pressure: 'none', whenRoom: async () => undefined, noteFull: async () => undefined },
    emit: () => undefined,
    clock: { nowMs: () => 0 },
  });
  const promise = (bytes: Buffer, name: string = randomUUID()) => {
    const payload = { ...promiseStore(bytes), v: 2, content: { from: 'incoming', name } };
    return {
      payload: parseOperation('file-store', payload).payload as StorePayload,
      path: join(folder, name),
    };
  };
  const bring = (bytes: Buffer) => {
    const brought = promise(bytes);
    writeFileSync(brought.path, bytes);
    return brought;
  };
  return { stage, incoming, folder, dataDir, events, promise, bring, session };
}

const blobsOf = (dataDir: string) =>
  readdirSync(blobsDir(dataDir), { recursive: true, withFileTypes: true }).filter((each) => each.isFile());

test.each([
  ['small', small],
  ['empty', Buffer.alloc(0)],
  ['of the inline limit', noise(limits.inlineBlobBytes, 'edge')],
])('a file that is %s is read into memory', async (_what, bytes) => {
  const { stage, bring, dataDir } = await makeStage();
  const { payload, path } = bring(bytes);
  expect(await stage.prepare(payload)).toEqual({ kind: 'inline', bytes, mimeType: null });
  expect(blobsOf(dataDir)).toEqual([]);
  expect(existsSync(path)).toBe(true); // until it is settled
  await stage.release(payload, { outcome: 'applied' });
  await stage.release(payload, { outcome: 'applied' });
  expect(existsSync(path)).toBe(false);
});

test('a large one is copied: whoever has it open changes nothing any more', async () => {
  const { stage, bring, dataDir } = await makeStage();
  const { payload, path } = bring(large);
  const open = openSync(path, 'r+');
  onTestFinished(() => closeSync(open));
  const content = await stage.prepare(payload);
  writeSync(open, Buffer.from('changed after it was hashed'), 0, 27, 0);
  expect(content).toMatchObject({ kind: 'file' });
  const blob = join(blobsDir(dataDir), content?.kind === 'file' ? content.name : '');
  expect(sha256(readFileSync(blob))).toBe(payload.digest);
  expect(fstatSync(open).nlink).toBe(1);
});

test('what is no regular file that may be read counts as not there, and keeps nobody waiting', async () => {
  const { stage, incoming, folder, dataDir, promise, events } = await makeStage();
  const secret = join(dataDir, 'secret');
  writeFileSync(secret, large);
  const kinds: Record<string, (path: string) => unknown> = {
    nothing: () => undefined,
    'a link to a file that is right': (path) => symlinkSync(secret, path),
    'a link to itself': (path) => symlinkSync(path, path),
    'a pipe': (path) => execFileSync('mkfifo', [path]),
    'a folder': (path) => mkdirSync(path),
    'a socket': (path) => {
      const server = createServer().listen(path);
      onTestFinished(() => void server.close());
    },
  };
  for (const [kind, make] of Object.entries(kinds)) {
    const { payload, path } = promise(large);
    make(path);
    expect(await stage.prepare(payload), kind).toEqual(missing);
    await stage.release(payload, { outcome: 'applied' });
  }
  expect(readFileSync(secret).equals(large)).toBe(true);
  expect(readdirSync(folder)).toHaveLength(1); // the folder, and it is told of
  expect(events).toEqual([['incoming.stuck', { name: readdirSync(folder)[0], code: 'EISDIR' }]]);
  expect(await incoming.removeUntouched(Number.POSITIVE_INFINITY)).toBe(0);
});

test.each([
  ['shorter', (path: string) => truncateSync(path, large.byteLength - 1)],
  ['longer', (path: string) => writeFileSync(path, 'x', { flag: 'a' })],
  ['much longer', (path: string) => truncateSync(path, 1024 ** 4)],
  ['of the same size', (path: string) => writeFileSync(path, 'x', { flag: 'r+' })],
])('a file that is %s is damaged, and nothing of it is left', async (_how, change) => {
  const { stage, bring, dataDir } = await makeStage();
  const { payload, path } = bring(large);
  change(path);
  expect(await stage.prepare(payload)).toEqual(damaged);
  expect(blobsOf(dataDir)).toEqual([]);
});

test('bytes of a condemned operation are kept as they are', async () => {
  const { stage, bring, dataDir } = await makeStage();
  const name = await stage.keepInQuarantine(bring(large).payload);
  expect(readFileSync(join(dataDir, 'quarantine', name ?? '')).equals(large)).toBe(true);
});

test('what nobody touched for an hour goes, whatever time its owner gave it', async () => {
  const { incoming, folder, bring } = await makeStage();
  const [old] = [bring(small), bring(large)];
  utimesSync(old.path, 4e9, 4e9);
  const clock = { nowMs: () => Date.now() + incomingLifeMs - 60_000 };
  const task = incomingTask(incoming, clock);
  expect(await task.step()).toEqual({ more: false, rows: 0 });
  clock.nowMs = () => Date.now() + incomingLifeMs + 1_000;
  expect(await task.step()).toEqual({ more: false, rows: 2, result: { files: 2 } });
  expect(readdirSync(folder)).toEqual([]);
  expect(task.decidesByAge).toBe(true); // a clock that jumped takes nothing away
});

test('a digest that is held needs no file', async () => {
  const { stage, session, bring, promise } = await makeStage();
  const first = await stage.prepare(bring(large).payload);
  session.apply([
    storeEntry('', { digest: sha256(large), size: large.byteLength }, first ? { content: first } : {}),
  ]);
  const { payload } = promise(large);
  expect(await stage.prepare(payload)).toEqual({ kind: 'held' });
  expect(await stage.prepare(payload, true)).toEqual(missing);
});
