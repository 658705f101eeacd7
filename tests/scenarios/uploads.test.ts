// Uploads over HTTP when something dies or is missing on their way: nothing partial, nothing twice, nothing left.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { makeOperationId } from '@filefleet/protocol';
import { ensureDataDir, incomingDir, tmpDir } from '@filefleet/store';
import { Redis } from 'ioredis';
import { afterEach, expect, test } from 'vitest';
import { openTestDashboard, type TestDashboard } from '../support/dashboard.ts';
import { type DashboardProcess, startDashboard, writingToken } from '../support/dashboard-process.ts';
import { rows, storedBytes } from '../support/database.ts';
import { until } from '../support/deadline.ts';
import { noise } from '../support/files.ts';
import { useFleet } from '../support/fleet.ts';
import { notRun } from '../support/not-run.ts';

const MiB = 1024 * 1024;
const fleet = useFleet();
const isRoot = process.getuid?.() === 0;
if (!isRoot)
  notRun(
    'uploads on a full disk, and the rights of two users: only root may mount a disk and become another user',
  );

const authorization = `Bearer ${writingToken}`;
const incoming = () => readdirSync(incomingDir(fleet.dataDir));
const fileIds = () =>
  rows<{ id: string }>(fleet.dataDir, 'SELECT file_id AS id FROM conversation_files').map(({ id }) => id);
const ended = () => until(() => incoming().length === 0, 'nothing to be left in incoming');

/** Ended before the fleet is. */
const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
  expect(readdirSync(tmpDir(fleet.dataDir))).toEqual([]);
});

/** A dashboard that waits for receipts only a moment. */
async function openDashboard(receiptMs: number): Promise<TestDashboard> {
  const hash = createHash('sha256').update(writingToken).digest();
  const dashboard = await openTestDashboard(fleet.redis.url, {
    dataDir: fleet.dataDir,
    now: () => Date.now(),
    tokens: [{ name: 'test', scope: 'write', hash, sessionPrefix: undefined }],
    config: { uploadReceiptSeconds: receiptMs / 1_000 },
  });
  endings.push(() => dashboard.close());
  return dashboard;
}

async function upload(dashboard: TestDashboard, bytes: Buffer, key: string) {
  const answer = await dashboard.app.inject({
    method: 'POST',
    url: '/api/v1/sessions/s1/files?filename=a.bin',
    headers: { authorization, 'idempotency-key': key, 'content-type': 'application/octet-stream' },
    payload: bytes,
  });
  return { status: answer.statusCode, headers: answer.headers, body: answer.json() };
}

/** Begins an upload of so many bytes and sends a part of it. */
async function begin(dashboard: DashboardProcess, size: number, part: Buffer, path = '?filename=a.bin') {
  const sending = request(`${dashboard.url}/api/v1/sessions/s1/files${path}`, {
    method: 'POST',
    headers: { authorization, 'content-length': size },
  });
  sending.on('error', () => undefined);
  sending.write(part);
  await until(() => incoming().length > 0, 'the upload to have begun');
  return sending;
}

test('without a writer it is 202 and says where to ask; with one it is stored, and the same key gets its receipt', async () => {
  ensureDataDir(fleet.dataDir);
  const dashboard = await openDashboard(300);
  const [bytes, key] = [noise(200_000, 'later'), makeOperationId()];
  const slow = await upload(dashboard, bytes, key);
  expect(slow).toMatchObject({
    status: 202,
    body: { operationId: key, state: 'pending', ask: `/api/v1/operations/${key}` },
  });
  await fleet.startWriter().ready;
  const settled = await until(async () => {
    const answer = await dashboard.app.inject({
      url: String(slow.headers.location),
      headers: { authorization },
    });
    return answer.statusCode === 200 && answer.json();
  }, 'the operation to be settled');
  expect(settled).toMatchObject({ state: 'applied', receipt: { fileId: key } });
  expect((await upload(dashboard, bytes, key)).body.receipt).toEqual(settled.receipt);
  expect(storedBytes(fleet.dataDir, key).equals(bytes)).toBe(true);
  await ended();
});

test('bytes that are gone before the writer comes are asked for again, and nobody waits for ever', async () => {
  ensureDataDir(fleet.dataDir);
  const dashboard = await openDashboard(300);
  const [bytes, key] = [noise(200_000, 'gone'), makeOperationId()];
  expect(await upload(dashboard, bytes, key)).toMatchObject({ status: 202 });
  for (const name of incoming()) rmSync(join(incomingDir(fleet.dataDir), name));
  const writer = fleet.startWriter();
  expect(await writer.waitForEvent('operation.resent')).toMatchObject({
    operationId: key,
    code: 'CONTENT_MISSING',
  });
  expect(fileIds()).toEqual([]);
  const patient = await until(async () => {
    const again = await upload(dashboard, bytes, key);
    return again.status !== 202 && again;
  }, 'an answer');
  expect(patient).toMatchObject({ status: 201, body: { receipt: { fileId: key } } });
  expect(fileIds()).toEqual([key]);
  await ended();
});

test.each(['content.kept', 'commit.done'])(
  'a writer that is killed at %s stores it once, and its successor says so',
  async (step) => {
    const first = fleet.startWriter({ FILEFLEET_TEST_FAILPOINTS: `${step}=kill@1` });
    await first.ready;
    const dashboard = await openDashboard(20_000);
    const [bytes, key] = [noise(300_000, step), makeOperationId()];
    const answer = upload(dashboard, bytes, key);
    await first.exited;
    fleet.startWriter();
    expect(await answer).toMatchObject({
      status: 201,
      body: { receipt: { outcome: 'applied', fileId: key } },
    });
    expect(fileIds()).toEqual([key]);
    expect(storedBytes(fleet.dataDir, key).equals(bytes)).toBe(true);
    await ended();
  },
);

test('a dashboard that is killed leaves half of an upload to nobody; a whole one is stored', async () => {
  ensureDataDir(fleet.dataDir);
  const dashboard = await startDashboard(fleet.redis.url, fleet.dataDir);
  endings.push(() => dashboard.kill());
  const bytes = noise(2 * MiB, 'killed');
  await begin(dashboard, bytes.byteLength, bytes.subarray(0, MiB), '?filename=half.bin');
  const whole = await begin(dashboard, bytes.byteLength, bytes, '?filename=whole.bin');
  whole.end();
  const redis = new Redis(fleet.redis.url);
  endings.push(() => redis.disconnect());
  await until(async () => (await redis.llen('{filefleet:0}:operations:wait')) === 1, 'one to be handed over');
  await dashboard.kill();
  await fleet.startWriter().ready;
  await until(() => incoming().every((name) => name.endsWith('.part')), 'the whole one to be taken');
  const names = rows<{ name: string }>(
    fleet.dataDir,
    'SELECT original_filename AS name FROM conversation_files',
  );
  expect(names).toEqual([{ name: 'whole.bin' }]);
  expect(incoming()).toHaveLength(1);
});

test('two files of 64 MiB at once pass through a dashboard without lying in its memory', async () => {
  await fleet.startWriter().ready;
  const dashboard = await startDashboard(fleet.redis.url, fleet.dataDir);
  endings.push(() => dashboard.stop());
  const send = async (bytes: Buffer, name: string) => {
    const answer = await fetch(`${dashboard.url}/api/v1/sessions/s1/files?filename=${name}`, {
      method: 'POST',
      headers: { authorization },
      body: bytes as Uint8Array<ArrayBuffer>,
    });
    expect(answer.status).toBe(201);
  };
  await send(noise(MiB, 'first'), 'first');
  const before = dashboard.peakBytes();
  const large = Buffer.alloc(64 * MiB, 'large');
  await Promise.all(['a', 'b'].map((name) => send(large, name)));
  // What has been written is garbage until V8 looks, which it does when some 64 MiB have come together.
  expect(dashboard.peakBytes() - before).toBeLessThan(100 * MiB);
  await ended();
});

test.skipIf(!isRoot)('a disk that gets full half-way is 507, and nothing is left on it', async () => {
  await fleet.startWriter().ready;
  const folder = incomingDir(fleet.dataDir);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', folder]);
  endings.push(() => execFileSync('umount', [folder]));
  const dashboard = await startDashboard(fleet.redis.url, fleet.dataDir);
  endings.push(() => dashboard.stop());
  const bytes = noise(6 * MiB, 'full');
  const sending = await begin(dashboard, bytes.byteLength, bytes.subarray(0, MiB));
  writeFileSync(join(folder, 'somebody-elses'), noise(6 * MiB, 'else'));
  const said = once(sending, 'response');
  sending.end(bytes.subarray(MiB));
  const [answer] = await said;
  expect(answer.statusCode).toBe(507);
  answer.resume();
  expect(incoming()).toEqual(['somebody-elses']);
  const refused = await fetch(`${dashboard.url}/api/v1/sessions/s1/files?filename=a`, {
    method: 'POST',
    headers: { authorization },
    body: new Uint8Array(4 * MiB),
  });
  expect([refused.status, await refused.json()]).toMatchObject([507, { error: { code: 'DISK_FULL' } }]);
  expect(fileIds()).toEqual([]);
});

test.skipIf(!isRoot)(
  'two users: the dashboard puts files into incoming and nowhere else, the writer takes them',
  () => {
    const dataDir = ensureDataDir(fleet.dataDir);
    chmodSync(fleet.folder, 0o755);
    const [writer, reader, stranger, group] = ['64101', '64102', '64103', '64100'];
    execFileSync('chown', ['-R', `${writer}:${group}`, dataDir]);
    chmodSync(incomingDir(dataDir), 0o1770); // a change of owner may take bits away
    const can = (uid: string, gid: string, script: string): boolean => {
      const become = [
        '--reuid',
        uid,
        '--regid',
        gid,
        '--clear-groups',
        'sh',
        '-euc',
        `umask 027; cd /; ${script}`,
      ];
      try {
        execFileSync('setpriv', become, { stdio: 'ignore', env: { PATH: process.env.PATH, D: dataDir } });
        return true;
      } catch {
        return false;
      }
    };
    const asWriter = (script: string) => can(writer, group, script);
    const asReader = (script: string) => can(reader, group, script);
    expect(
      asReader('echo x > $D/incoming/a.part; mv $D/incoming/a.part $D/incoming/a; echo x > $D/incoming/b'),
    ).toBe(true);
    expect(asWriter('cat $D/incoming/a; rm $D/incoming/a; echo x > $D/incoming/mine')).toBe(true);
    for (const place of [
      'x',
      'blobs/x',
      'blobs/ab/x',
      'tmp/x',
      'quarantine/x',
      'conversation_files.db',
      'incoming/mine',
    ]) {
      expect(asReader(`echo x >> $D/${place}`), place).toBe(false);
    }
    for (const change of [
      'rm $D/incoming/mine',
      'mv $D/incoming/mine $D/incoming/c',
      'rmdir $D/tmp',
      'mv $D/incoming $D/other',
    ])
      expect(asReader(change), change).toBe(false);
    expect(asReader('rm $D/incoming/b')).toBe(true);
    expect(can(stranger, stranger, 'ls $D/incoming')).toBe(false);
  },
);
