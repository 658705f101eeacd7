// The maintenance over a real store and a real Redis, with clocks of the test's own.

import { existsSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { redisKeys } from '@filefleet/protocol';
import { expect, onTestFinished, test } from 'vitest';
import { damage, storeFile } from '../../../../tests/support/blob-files.ts';
import { entry, storeEntry } from '../../../../tests/support/operations.ts';
import { useRedis } from '../../../../tests/support/redis-of-file.ts';
import { startMs, useWriterSession } from '../../../../tests/support/writer-session.ts';
import { maintain as maintainAt } from './maintenance-fixture.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const keys = redisKeys();
const server = useRedis();
const store = useWriterSession();

function maintain(env: Record<string, string> = {}, ticksOffMs = startMs - 1_000) {
  const made = maintainAt({ ...store, redisUrl: server.url, redis: server.redis }, env, ticksOffMs);
  onTestFinished(async () => expect(await made.end()).toEqual([]));
  return made;
}

const files = (where = '1') => store.count('conversation_files', where);

test('a session that ended goes as the policy says: softly, then for good, then its bytes', async () => {
  const { maintenance, told } = maintain();
  store.apply(storeEntry('one'), storeEntry('two'), storeEntry('kept', { sessionId: 's2' }));
  store.apply(entry('session-end', { sessionId: 's1' }));
  await maintenance.begin();
  store.clock.now += 29 * dayMs;
  await maintenance.begin();
  expect(files('is_deleted = 0')).toBe(3);
  store.clock.now += 2 * dayMs;
  await maintenance.begin();
  expect([files('is_deleted = 0'), files()]).toEqual([1, 3]);
  store.clock.now += 31 * dayMs;
  await maintenance.begin();
  expect(files()).toBe(1);
  expect(store.count('blobs')).toBe(3); // the grace of the sweep has just begun
  store.clock.now += dayMs;
  await maintenance.begin();
  expect(store.count('blobs')).toBe(1);
  expect(told('session.cleaned')).toEqual([{ sessionId: 's1', files: 2 }]);
  expect(told('session.purged')).toMatchObject([{ sessionId: 's1' }]);
  expect(told('contents.swept')).toEqual([{ contents: 2, files: 0, bytes: 6 }]);
});

test('swept files are unlinked, and producers are not told any longer that their bytes are held', async () => {
  const { maintenance, desk, told } = maintain({ FILEFLEET_SWEEP_GRACE_HOURS: '0' });
  const { digest, name, fileId } = await storeFile(store, desk, 'large '.repeat(100_000));
  await server.redis.zadd(keys.known, store.clock.now + dayMs, digest);
  store.apply(entry('file-purge', { sessionId: 's1', fileId }));
  await maintenance.begin();
  await maintenance.stop();
  expect(existsSync(join(store.dataDir, 'blobs', name))).toBe(false);
  expect(await server.redis.zscore(keys.known, digest)).toBeNull();
  expect(told('contents.swept')).toEqual([{ contents: 1, files: 1, bytes: 600_000 }]);
});

test('files without a row go after a day, on the daily walk; young and named ones stay', async () => {
  const { maintenance, desk, told } = maintain();
  const { name } = await storeFile(store, desk, 'named '.repeat(20_000));
  const orphan = (digit: string, atMs: number) => {
    const path = join(store.dataDir, 'blobs', digit.repeat(2), `${digit.repeat(64)}.1-9`);
    writeFileSync(path, 'x');
    utimesSync(path, atMs / 1_000, atMs / 1_000);
    return path;
  };
  const old = orphan('a', startMs - 25 * hourMs);
  const young = orphan('b', startMs - hourMs);
  utimesSync(join(store.dataDir, 'blobs', name), 1, 1);
  await maintenance.begin();
  expect([old, young, join(store.dataDir, 'blobs', name)].map((path) => existsSync(path))).toEqual([
    false,
    true,
    true,
  ]);
  expect(told('orphans.removed')).toEqual([{ files: 1 }]);
  store.clock.now += 24 * hourMs;
  await maintenance.begin();
  expect(existsSync(young)).toBe(false);
});

test('damaged bytes are found by the scrub, reported, moved out of the way, and not held until they come again', async () => {
  const { maintenance, desk, told } = maintain({ FILEFLEET_SCRUB_DAYS: '0.04' });
  const text = 'screenshot '.repeat(20_000);
  const { digest, name } = await storeFile(store, desk, text);
  const sound = await storeFile(store, desk, 'sound '.repeat(20_000));
  await server.redis.zadd(keys.known, store.clock.now + dayMs, digest);
  damage(store.dataDir, name);
  await maintenance.begin();
  expect(told('blob.damaged')).toEqual([
    { digest, size: text.length, location: 'file', reason: 'its bytes have another digest' },
  ]);
  expect(maintenance.state).toMatchObject({ damagedContents: 1 });
  expect(readdirSync(join(store.dataDir, 'quarantine'))).toEqual([`damaged-${name.slice(3)}`]);
  expect([desk.findBlob(digest), desk.findBlob(sound.digest)]).toEqual([undefined, expect.anything()]);
  expect(await server.redis.zscore(keys.known, digest)).toBeNull();
  const again = await storeFile(store, desk, text, { sessionId: 's2' });
  expect(again.digest).toBe(digest);
  expect(maintenance.state).toMatchObject({ damagedContents: 0 });
  expect(store.count('blobs')).toBe(2);
  store.clock.now += dayMs;
  await maintenance.begin();
  expect(told('blob.damaged')).toHaveLength(1);
});

test('inline bytes are scrubbed as well, and a file that is gone counts as damaged', async () => {
  const { maintenance, desk, told } = maintain({ FILEFLEET_SCRUB_DAYS: '0.04' });
  const { name, digest } = await storeFile(store, desk, 'gone '.repeat(20_000));
  store.apply(storeEntry('inline'));
  store.tamper("UPDATE blob_bytes SET bytes = x'00'");
  damage(store.dataDir, name, 'unlink');
  await maintenance.begin();
  store.clock.now += dayMs;
  await maintenance.begin();
  expect(told('blob.damaged')).toMatchObject([
    { digest, reason: 'its bytes are gone' },
    { location: 'inline', reason: 'expected 6 bytes, got 1' },
  ]);
});

test('heads of the audit go into the log and, newest first, into Redis', async () => {
  const { maintenance, told } = maintain();
  store.apply(storeEntry('one'));
  await maintenance.begin();
  store.apply(storeEntry('two'));
  store.clock.now += hourMs;
  await maintenance.begin();
  await maintenance.dropAnchor();
  const kept = (await server.redis.lrange(keys.audit, 0, -1)).map(
    (text) => JSON.parse(text) as { auditId: number; hash: string },
  );
  const logged = told('audit.anchor') as { auditId: number; hash: string }[];
  expect(kept.map(({ auditId }) => auditId)).toEqual(
    [...new Set(logged.map(({ auditId }) => auditId))].reverse(),
  );
  const rows = kept.map(({ auditId }) =>
    store.row('SELECT hex(entry_hash) AS hash FROM audit_entries WHERE audit_id = ?', auditId),
  );
  expect(kept.map(({ hash }) => hash.toUpperCase())).toEqual(rows.map(({ hash }) => hash));
});

test('while the clock is doubted nothing goes because of its age, until an operator accepts', async () => {
  const { maintenance, told, settle, redisTime, requests } = maintain();
  store.apply(storeEntry('one'), entry('session-end', { sessionId: 's1' }));
  await maintenance.begin();
  redisTime.offMs = -31 * dayMs; // a month ahead of Redis, as if the month had passed
  store.clock.now += 31 * dayMs;
  requests.length = 0;
  await maintenance.begin();
  expect(requests.filter(({ kind }) => kind === 'retention' || kind === 'sweep')).toEqual([]);
  expect(files('is_deleted = 0')).toBe(1);
  expect(told('clock.doubted')).toMatchObject([{ because: 'redis', byMs: 31 * dayMs }]);
  expect(maintenance.state).toMatchObject({ clock: 'doubted', because: 'redis', byMs: 31 * dayMs });
  settle('clock-accept');
  await expect.poll(() => files('is_deleted = 0')).toBe(0);
  expect(told('clock.trusted')).toEqual([{ because: 'accepted' }]);
  expect(maintenance.state).toMatchObject({ clock: 'trusted' });
});

test('a jump within the process is doubted, remembered by the next writer, and over when it is undone', async () => {
  const first = maintain();
  store.apply(storeEntry('one'), entry('session-end', { sessionId: 's1' }));
  await first.maintenance.begin();
  const jump = 31 * dayMs;
  store.clock.now += jump;
  first.ticks.offMs += jump; // Redis runs on the same clock, and jumps with it
  await first.maintenance.begin();
  await first.maintenance.stop();
  const second = maintain({}, first.ticks.offMs);
  await second.maintenance.begin();
  expect(files('is_deleted = 0')).toBe(1);
  expect(second.maintenance.state).toMatchObject({ because: 'jumped', byMs: jump });
  store.clock.now -= jump;
  second.ticks.offMs -= jump;
  await second.maintenance.begin();
  expect(second.told('clock.trusted')).toEqual([{ because: 'agrees' }]);
});

test('an idle store is left alone: no commit for maintenance that found nothing', async () => {
  const { maintenance } = maintain();
  store.apply(storeEntry('one'));
  await maintenance.begin();
  const sequence = () => store.row('SELECT commit_sequence AS n FROM commit_state').n;
  const before = sequence();
  for (let minute = 0; minute < 30; minute++) {
    store.clock.now += 60_000;
    await maintenance.begin();
  }
  expect(sequence()).toBe(before);
});
