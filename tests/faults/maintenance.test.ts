// The writer dies at every step of cleanup and sweep, with stores going on beside. Its successor finishes what was begun: no
// file that is used loses its bytes, no row is left without them, and what was to go is gone.

import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Client, createClient } from '@filefleet/client';
import { verifyStore } from '@filefleet/store';
import SQLite from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { damage } from '../support/blob-files.ts';
import { databaseFile, sha256, storedBytes, value } from '../support/database.ts';
import { until } from '../support/deadline.ts';
import { noise } from '../support/files.ts';
import { useFleet } from '../support/fleet.ts';
import { casesOf } from '../support/full-forms.ts';
import type { WriterLine } from '../support/writer.ts';
import { maintenanceSteps } from './failpoints/steps.ts';

const fleet = useFleet();
const atOnce = {
  FILEFLEET_MAINTENANCE_SECONDS: '0.1',
  FILEFLEET_RETENTION_SOFT_DAYS: '0',
  FILEFLEET_RETENTION_PURGE_DAYS: '0',
  FILEFLEET_SWEEP_GRACE_HOURS: '0',
};
const large = 100_000;
const shared = noise(large, 'shared');

/** Files of a session that will end, small ones and large ones, two of them with bytes that others use as well. */
async function fill(client: Client, sessionId: string): Promise<void> {
  const contents = Array.from({ length: 20 }, (_, n) =>
    noise(n % 4 === 0 ? large : 500, `${sessionId} ${n}`),
  );
  const all = [...contents, shared, noise(700, 'shared small')];
  await Promise.all(
    all.map((content, n) => client.store({ sessionId, filename: `${n}.bin`, content, deadlineMs: 50_000 })),
  );
}

/** Stores without a pause, some of bytes that are being swept, until it is told to end. */
function keepStoring(client: Client): () => Promise<Map<string, Buffer>> {
  const stored = new Map<string, Buffer>();
  let goesOn = true;
  const storing = (async () => {
    for (let n = 0; goesOn; n++) {
      const content =
        n % 3 === 0 ? noise(large, `doomed ${(n % 5) * 4}`) : noise(n % 2 ? 600 : large, `kept ${n}`);
      const filename = `${n}.bin`;
      const { fileId = '' } = await client.store({
        sessionId: 'kept',
        filename,
        content,
        deadlineMs: 50_000,
      });
      stored.set(fileId, content);
    }
  })();
  return async () => {
    goesOn = false;
    await storing;
    return stored;
  };
}

async function expectSound(stored: ReadonlyMap<string, Buffer>): Promise<void> {
  for await (const { name, faults } of verifyStore({ dataDir: fleet.dataDir, deep: true })) {
    expect({ name, faults }).toEqual({ name, faults: [] });
  }
  expect(stored.size).toBeGreaterThan(0);
  for (const [fileId, content] of stored) {
    expect(storedBytes(fleet.dataDir, fileId).equals(content)).toBe(true);
  }
}

/** Blob files beyond those that rows name: a kill between a COMMIT and the unlink leaves them to the daily walk. */
function leftFiles(): number {
  const blobs = join(fleet.dataDir, 'blobs');
  const there = readdirSync(blobs).reduce((sum, folder) => sum + readdirSync(join(blobs, folder)).length, 0);
  return there - Number(value(fleet.dataDir, "SELECT count(*) FROM blobs WHERE location = 'file'"));
}

const telling = /^(slice\.committed:retention|sweep\.committed|damage\.marked)$/;
const chosen = casesOf('tests/faults/maintenance: kills', maintenanceSteps, ({ name }) => telling.test(name));
const isOfDamage = ({ name }: { name: string }) => name.startsWith('damage');
const killed = chosen.filter((step) => !isOfDamage(step));

test.each(killed)(
  'killed at $name, with stores going on: nothing is lost, and it goes on',
  async ({ name, nth }) => {
    const before = fleet.startWriter({ ...atOnce, FILEFLEET_MAINTENANCE_SECONDS: '3600' }); // looks once, at its start
    await before.ready;
    const client = await createClient({ redis: fleet.redis.url, vm: 'vm1' });
    const busy = await createClient({ redis: fleet.redis.url, vm: 'vm2' });
    onTestFinished(() => Promise.all([client.close(), busy.close()]).then(() => undefined));
    await fill(client, 'doomed');
    await client.store({ sessionId: 'kept too', filename: 'shared.bin', content: shared });
    await client.endSession({ sessionId: 'doomed' });
    await before.stop();
    const end = keepStoring(busy);
    const first = fleet.startWriter({ ...atOnce, FILEFLEET_TEST_FAILPOINTS: `${name}=kill@${nth ?? 1}` });
    expect(await first.exited).toEqual({ code: null, signal: 'SIGKILL' });
    const second = fleet.startWriter(atOnce);
    await second.ready;
    const isGone = () =>
      value(fleet.dataDir, "SELECT count(*) FROM conversation_files WHERE session_id = 'doomed'") === 0 &&
      value(fleet.dataDir, 'SELECT count(*) FROM unreferenced_blobs') === 0;
    await until(isGone, 'the session and its bytes to be gone');
    await expectSound(await end());
    // What the slice named, and the file of a store that the kill met before its row.
    const unlinked = /sweep\.committed|committed:sweep/.test(name) ? 25 : 0;
    expect(leftFiles()).toBeLessThanOrEqual(unlinked + 1);
  },
);

/** Waits until somebody reads a pipe, and holds whoever does. @returns what lets it go. */
async function holdReaderOf(path: string): Promise<() => void> {
  const open = () => {
    try {
      return { fd: openSync(path, constants.O_WRONLY | constants.O_NONBLOCK) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENXIO') return undefined; // nobody reads it yet
      throw error;
    }
  };
  const { fd } = await until(open, 'somebody to read the pipe');
  return () => closeSync(fd);
}

test('killed while a plan has swept beside a backup: nothing that is named is lost, and the walk takes what is left', async () => {
  const first = fleet.startWriter(atOnce);
  const client = await createClient({ redis: fleet.redis.url, vm: 'vm1' });
  onTestFinished(() => client.close());
  const [one, two] = [noise(large, 'one'), noise(large, 'two')];
  const [kept, gone] = sha256(one) < sha256(two) ? [one, two] : [two, one]; // a backup takes them in this order
  const store = (filename: string, content: Buffer) => client.store({ sessionId: 's', filename, content });
  const { fileId: keptId = '' } = await store('kept.bin', kept);
  const { fileId: goneId = '' } = await store('gone.bin', gone);
  const pathOf = (content: Buffer) => {
    const name = value(fleet.dataDir, 'SELECT name FROM blobs WHERE digest = ?', sha256(content));
    return join(fleet.dataDir, 'blobs', String(name));
  };
  const [keptPath, gonePath] = [pathOf(kept), pathOf(gone)];
  rmSync(keptPath);
  execFileSync('mkfifo', [keptPath]);
  await client.operator.makeBackup();
  const release = await holdReaderOf(keptPath);
  await client.purge({ sessionId: 's', fileId: goneId });
  const { operationId: planId } = await client.operator.makePlan({ kind: 'sweep', graceMs: 0 });
  const isOfPlan = (line: WriterLine) => line.planId === planId;
  await first.waitForEvent('plan.ready', isOfPlan);
  await client.operator.applyPlan(planId);
  expect(await first.waitForEvent('plan.finished', isOfPlan)).toMatchObject({ state: 'applied', rows: 1 });
  expect([existsSync(gonePath), leftFiles()]).toEqual([true, 1]);
  await first.kill();
  release();
  rmSync(keptPath);
  writeFileSync(keptPath, kept);
  utimesSync(gonePath, 1, 1);
  const db = new SQLite(databaseFile(fleet.dataDir));
  db.exec("UPDATE maintenance SET due_at_ms = 0 WHERE task = 'orphans'"); // a day later
  db.close();

  const second = fleet.startWriter(atOnce);
  expect(await second.waitForEvent('backup.made')).toMatchObject({ blobs: 1, missing: 0 });
  expect(await second.waitForEvent('orphans.removed')).toMatchObject({ files: 1 });
  expect([existsSync(gonePath), leftFiles()]).toEqual([false, 0]);
  await expectSound(new Map([[keptId, kept]]));
});

test('a full disk stops neither retention nor the sweep: they are put off, and go on', async () => {
  const failing = 'slice.begun:retention=error:SQLITE_FULL@2,slice.done:sweep=error:ENOSPC@2';
  const writer = fleet.startWriter({ ...atOnce, FILEFLEET_TEST_FAILPOINTS: failing });
  await writer.waitForEvent('maintenance.postponed', (line) => line.code === 'STORAGE_FULL');
  const client = await createClient({ redis: fleet.redis.url, vm: 'vm1' });
  onTestFinished(() => client.close());
  await fill(client, 'doomed');
  expect(writer.isRunning).toBe(true);
});

test('a disk that cannot be trusted in a slice ends the writer with 74', async () => {
  const writer = fleet.startWriter({ ...atOnce, FILEFLEET_TEST_FAILPOINTS: 'slice.begun:sweep=error:EIO' });
  expect(await writer.exited).toEqual({ code: 74, signal: null });
});

test.each(chosen.filter(isOfDamage))(
  'killed at $name: the bytes are never served, and come back with the next store',
  async ({ name }) => {
    const env = { ...atOnce, FILEFLEET_SCRUB_DAYS: '0.00001' };
    const first = fleet.startWriter({ ...env, FILEFLEET_TEST_FAILPOINTS: `${name}=kill@1` });
    const client = await createClient({ redis: fleet.redis.url, vm: 'vm1' });
    onTestFinished(() => client.close());
    const { fileId = '' } = await client.store({ sessionId: 'kept', filename: 'a.bin', content: shared });
    damage(fleet.dataDir, String(value(fleet.dataDir, 'SELECT name FROM blobs')));
    expect(await first.exited).toEqual({ code: null, signal: 'SIGKILL' });
    const second = fleet.startWriter(env);
    await second.ready;
    expect(value(fleet.dataDir, 'SELECT damage FROM blobs')).toBe('its bytes have another digest');
    const other = await createClient({ redis: fleet.redis.url, vm: 'vm2' });
    onTestFinished(() => other.close());
    await other.store({ sessionId: 'also', filename: 'b.bin', content: shared });
    await expectSound(new Map([[fileId, shared]]));
  },
);
