// The maintenance over a real store and a real Redis, with clocks of the test's own.

import { existsSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '@filefleet/config';
import { redisKeys } from '@filefleet/protocol';
import { ContentDesk, type SliceRequest } from '@filefleet/store';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { damage, storeFile } from '../../../../tests/support/blob-files.ts';
import { entry, sha256, storeEntry } from '../../../../tests/support/operations.ts';
import { startRedis, type TestRedis } from '../../../../tests/support/redis.ts';
import { startMs, useWriterSession } from '../../../../tests/support/writer-session.ts';
import type { WriterEvent } from '../events.ts';
import { Fence } from '../fence.ts';
import { Maintenance } from './maintenance.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const keys = redisKeys();
let server: TestRedis;
let redis: Redis;
const store = useWriterSession();

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  redis = new Redis(server.url);
  await redis.flushall();
  return () => redis.disconnect();
});

/** Redis runs on the time of the test: its own clock is none of this file's business. */
function withTime(now: () => number): Redis {
  return new Proxy(redis, {
    get: (target, name) => {
      if (name === 'time') return async () => [Math.floor(now() / 1_000), 0];
      const value = Reflect.get(target, name) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function maintain(env: Record<string, string> = {}, ticksOffMs = startMs - 1_000) {
  const { session, dataDir, clock } = store;
  const config = loadConfig({ FILEFLEET_DATA_DIR: dataDir, FILEFLEET_REDIS_URL: server.url, ...env });
  const desk = new ContentDesk(dataDir, session.epoch);
  const events: WriterEvent[] = [];
  const fatal: unknown[] = [];
  const requests: SliceRequest[] = [];
  const ticks = { offMs: ticksOffMs, bootId: 'boot', nowMs: () => clock.now - ticks.offMs };
  const redisTime = { offMs: 0 };
  const maintenance = new Maintenance({
    config,
    line: {
      maintain: async (request) => {
        requests.push(request);
        return session.maintain(request);
      },
      prune: async () => session.prune(),
      backupTo: (path) => session.backupTo(path),
    },
    desk,
    redis: withTime(() => clock.now + redisTime.offMs),
    fence: new Fence(redis, keys.epoch, session.epoch),
    emit: (event, facts) => void events.push({ event, facts } as WriterEvent),
    clock,
    ticks,
    probe: undefined,
    isBusy: () => false,
    onFatal: (error) => void fatal.push(error),
  });
  onTestFinished(async () => {
    await maintenance.stop();
    maintenance.close();
    desk.close();
    expect(fatal).toEqual([]);
  });
  const told = (name: string) => events.filter(({ event }) => event === name).map(({ facts }) => facts);
  const settle = (name: string) => {
    const facts = {
      operationId: '',
      name,
      vm: 'vm0',
      outcome: 'applied',
      repeated: false,
      tookMs: 0,
    } as const;
    maintenance.subscriber({ event: 'operation.settled', facts });
  };
  return { maintenance, desk, told, settle, requests, ticks, redisTime };
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
  await redis.zadd(keys.known, store.clock.now + dayMs, digest);
  store.apply(entry('file-purge', { sessionId: 's1', fileId }));
  await maintenance.begin();
  await maintenance.stop();
  expect(existsSync(join(store.dataDir, 'blobs', name))).toBe(false);
  expect(await redis.zscore(keys.known, digest)).toBeNull();
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
  await redis.zadd(keys.known, store.clock.now + dayMs, digest);
  damage(store.dataDir, name);
  await maintenance.begin();
  expect(told('blob.damaged')).toEqual([
    { digest, size: text.length, location: 'file', reason: 'its bytes have another digest' },
  ]);
  expect(maintenance.state).toMatchObject({ damagedContents: 1 });
  expect(readdirSync(join(store.dataDir, 'quarantine'))).toEqual([`damaged-${name.slice(3)}`]);
  expect([desk.findBlob(digest), desk.findBlob(sound.digest)]).toEqual([undefined, expect.anything()]);
  expect(await redis.zscore(keys.known, digest)).toBeNull();
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

test('a backup is made when somebody asks, and heals what the scrub finds damaged afterwards', async () => {
  const { maintenance, desk, told, settle } = maintain({ FILEFLEET_SCRUB_DAYS: '0.04' });
  const { name, digest, fileId } = await storeFile(store, desk, 'precious '.repeat(20_000));
  store.apply(entry('backup-make', {}));
  settle('backup-make');
  await maintenance.begin();
  expect(told('backup.made')).toMatchObject([{ blobs: 1, missing: 0 }]);
  const { last_result: result } = store.row("SELECT * FROM maintenance WHERE task = 'backup'");
  expect(JSON.parse(String(result))).toMatchObject({
    ok: true,
    name: expect.stringMatching(/^2026/),
    missing: 0,
  });
  damage(store.dataDir, name);
  store.clock.now += dayMs;
  await maintenance.begin();
  expect(told('blob.healed')).toEqual([{ digest, from: 'backup' }]);
  expect(maintenance.state).toMatchObject({ damagedContents: 0 });
  const healed = store.row('SELECT f.file_path AS path FROM conversation_files f WHERE file_id = ?', fileId);
  expect(existsSync(join(store.dataDir, String(healed.path)))).toBe(true);
  expect(desk.findBlob(digest)?.name).not.toBe(name);
});

test('small bytes come back from the newest backup whose own are what the digest says', async () => {
  const { maintenance, desk, told, settle } = maintain({ FILEFLEET_SCRUB_DAYS: '0.04' });
  const made = storeEntry('small and precious');
  store.apply(made);
  const backUp = async () => {
    store.clock.now += 1_000;
    store.apply(entry('backup-make', {}));
    settle('backup-make');
    await maintenance.begin();
  };
  await backUp();
  store.tamper("UPDATE blob_bytes SET bytes = x'00'");
  await backUp(); // the scrub is not due: this one has the damage in it
  expect(told('backup.made')).toHaveLength(2);
  store.clock.now += dayMs;
  await maintenance.begin();
  const digest = sha256('small and precious');
  expect(told('blob.damaged')).toMatchObject([{ digest, location: 'inline' }]);
  expect(told('blob.healed')).toEqual([{ digest, from: 'backup' }]);
  expect(desk.findBlob(digest)).toMatchObject({ location: 'inline' });
  expect(store.row('SELECT bytes FROM blob_bytes').bytes).toEqual(Buffer.from('small and precious'));
});

test('a backup that cannot be written ends no writer, and says so in its row', async () => {
  const { maintenance, told, settle } = maintain({
    FILEFLEET_BACKUP_DIR: join(store.dataDir, 'conversation_files.db', 'below-a-file'),
  });
  settle('backup-make');
  await maintenance.begin();
  expect(told('backup.failed')).toHaveLength(1);
  const { last_result: result } = store.row("SELECT * FROM maintenance WHERE task = 'backup'");
  expect(JSON.parse(String(result))).toMatchObject({ ok: false });
});

test('heads of the audit go into the log and, newest first, into Redis', async () => {
  const { maintenance, told } = maintain();
  store.apply(storeEntry('one'));
  await maintenance.begin();
  store.apply(storeEntry('two'));
  store.clock.now += hourMs;
  await maintenance.begin();
  await maintenance.dropAnchor();
  const kept = (await redis.lrange(keys.audit, 0, -1)).map(
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
