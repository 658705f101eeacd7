// What goes on while a backup is made, and what waits for its end: whatever takes files away that the backup still needs.

import { existsSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { verifyBackup } from '@filefleet/store';
import { expect, onTestFinished, test } from 'vitest';
import { damage, storeFile } from '../../../../tests/support/blob-files.ts';
import { entry, idOf, storeEntry } from '../../../../tests/support/operations.ts';
import { useRedis } from '../../../../tests/support/redis-of-file.ts';
import { startMs, useWriterSession } from '../../../../tests/support/writer-session.ts';
import { maintain as maintainAt } from './maintenance-fixture.ts';

const dayMs = 24 * 3_600_000;
const server = useRedis();
const store = useWriterSession();
const large = (text: string) => `${text} `.repeat(20_000);

function maintain(env: Record<string, string> = {}, ticksOffMs = startMs - 1_000) {
  const backupDir = join(store.dataDir, 'backups');
  const made = maintainAt(
    { ...store, redisUrl: server.url, redis: server.redis },
    { FILEFLEET_SWEEP_GRACE_HOURS: '0', FILEFLEET_BACKUP_DIR: backupDir, ...env },
    ticksOffMs,
  );
  onTestFinished(async () => expect(await made.end()).toEqual([]));

  /** A backup that has copied the database and no file yet. */
  const backUpHalf = async () => {
    const held = made.holdBackup();
    store.apply(entry('backup-make', {}));
    made.settle('backup-make');
    await held.copied;
    return held;
  };
  /** Makes a plan of a sweep and applies it, as an operator would. */
  const sweepByPlan = async () => {
    const plan = entry('plan-make', { plan: { kind: 'sweep', graceMs: 0 } });
    store.apply(plan);
    made.settle('plan-make');
    await expect.poll(() => made.told('plan.ready')).toHaveLength(1);
    store.apply(entry('plan-apply', { planId: idOf(plan) }));
    made.settle('plan-apply');
    await expect.poll(() => made.told('plan.finished')).toHaveLength(1);
  };
  const findFaults = async () => {
    const [backup] = made.told('backup.made') as { name: string }[];
    return (await verifyBackup({ backupDir, name: backup?.name ?? '' })).faults;
  };
  return { ...made, backUpHalf, sweepByPlan, findFaults };
}

const isThere = (name: string) => existsSync(join(store.dataDir, 'blobs', name));

test('plans and retention do not wait for a backup; bytes that a plan sweeps meanwhile are in it, and go afterwards', async () => {
  const { maintenance, desk, told, backUpHalf, sweepByPlan, findFaults } = maintain();
  const gone = await storeFile(store, desk, large('gone'));
  store.apply(storeEntry('due', { sessionId: 'ended' }), entry('session-end', { sessionId: 'ended' }));
  await maintenance.begin();
  const backup = await backUpHalf();
  store.apply(entry('file-purge', { sessionId: 's1', fileId: gone.fileId }));
  store.clock.now += 31 * dayMs;
  await sweepByPlan();
  expect(told('plan.finished')).toMatchObject([{ state: 'applied', rows: 1, blobBytes: 100_000 }]);
  await expect.poll(() => told('session.cleaned')).toEqual([{ sessionId: 'ended', files: 1 }]);
  expect([store.count('blobs', `digest = '${gone.digest}'`), isThere(gone.name)]).toEqual([0, true]);
  await expect.poll(() => maintenance.state.task).toBe('backup'); // what goes on beside it has its moments
  expect([told('contents.swept'), told('backup.made')]).toEqual([[], []]);
  backup.release();
  await maintenance.begin();
  expect(told('backup.made')).toMatchObject([{ blobs: 1, missing: 0 }]);
  expect(told('contents.swept')).toEqual([{ contents: 1, files: 1, bytes: 100_000 }]);
  expect(isThere(gone.name)).toBe(false);
  expect(await findFaults()).toEqual([]);
});

test('sweep, walk and scrub wait for a backup, and go on after it', async () => {
  const { maintenance, desk, told, requests, backUpHalf, findFaults } = maintain({
    FILEFLEET_SCRUB_DAYS: '0.04',
  });
  const gone = await storeFile(store, desk, large('gone'));
  const unnamed = `aa/${'a'.repeat(64)}.1-9`;
  await maintenance.begin();
  const backup = await backUpHalf();
  store.apply(entry('file-purge', { sessionId: 's1', fileId: gone.fileId }));
  const damaged = await storeFile(store, desk, large('damaged'));
  damage(store.dataDir, damaged.name);
  writeFileSync(join(store.dataDir, 'blobs', unnamed), 'x');
  utimesSync(join(store.dataDir, 'blobs', unnamed), 1, 1);
  store.clock.now += 2 * dayMs;
  requests.length = 0;
  const beginning = maintenance.begin();
  await expect.poll(() => requests.some(({ kind }) => kind === 'search')).toBe(true); // ranks below the sweep
  await expect.poll(() => maintenance.state.task).toBe('backup');
  const waiting = ['sweep', 'orphans', 'damaged'];
  expect(requests.filter(({ kind }) => waiting.includes(kind))).toEqual([]);
  backup.release();
  await beginning;
  expect(told('backup.made')).toMatchObject([{ blobs: 1, missing: 0 }]);
  expect(waiting.filter((kind) => requests.some((request) => request.kind === kind))).toEqual(waiting);
  expect([gone.name, unnamed, damaged.name].map(isThere)).toEqual([false, false, false]);
  expect(await findFaults()).toEqual([]);
});

test('a backup that somebody asks for while one is made is made after it', async () => {
  const { maintenance, told, settle, backUpHalf } = maintain();
  const backup = await backUpHalf();
  store.clock.now += 1_000;
  store.apply(entry('backup-make', {}));
  settle('backup-make');
  backup.release();
  await maintenance.begin();
  expect(told('backup.made')).toHaveLength(2);
});

test('a stop waits for no backup and unlinks nothing under it; the next writer walks over what is left', async () => {
  const first = maintain();
  const gone = await storeFile(store, first.desk, large('gone'));
  const kept = await storeFile(store, first.desk, large('kept'));
  await first.maintenance.begin();
  const backup = await first.backUpHalf();
  store.apply(entry('file-purge', { sessionId: 's1', fileId: gone.fileId }));
  await first.sweepByPlan();
  await first.maintenance.stop();
  backup.release();
  await first.maintenance.begin(); // resolves when the abandoned backup is over
  expect([isThere(gone.name), first.told('contents.swept')]).toEqual([true, []]);
  for (const { name } of [gone, kept]) utimesSync(join(store.dataDir, 'blobs', name), 1, 1);
  store.clock.now += 2 * dayMs;
  const second = maintain();
  await second.maintenance.begin();
  expect([gone.name, kept.name].map(isThere)).toEqual([false, true]);
  expect(second.told('orphans.removed')).toEqual([{ files: 1 }]);
});
