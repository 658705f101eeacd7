// The supervisor with its real children: redis-server, writer, dashboard.

import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdir, realpath, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { redisKeys } from '@filefleet/protocol';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { until } from '../../../../tests/support/deadline.ts';
import { createFilefleet, type Filefleet, type StartedFleet } from '../../../../tests/support/filefleet.ts';
import { startRedis } from '../../../../tests/support/redis.ts';
import { bindToParent } from './parent-death.ts';
import { choosePort } from './ports.ts';
import { waitForRedis } from './redis-probe.ts';

// Whole processes, on machines that have other things to do.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

async function setUp() {
  const filefleet = await createFilefleet();
  onTestFinished(() => filefleet.dispose());
  return filefleet;
}

/** Processes whose parent is this one. */
function childrenOf(pid: number): number[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  return stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([, parent]) => parent === pid)
    .map(([child = 0]) => child);
}

function isRunning(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return stdout.trim() !== '' && !stdout.trim().startsWith('Z');
}

describe('a fleet', () => {
  let filefleet: Filefleet;
  let fleet: StartedFleet;
  let children: number[];

  async function start(): Promise<void> {
    fleet = await filefleet.start();
    children = childrenOf(fleet.pid);
  }
  beforeAll(async () => {
    filefleet = await createFilefleet();
    await start();
  });
  afterAll(() => filefleet.dispose());

  test('is three processes, and says where to look', async () => {
    expect(children).toHaveLength(3);
    expect((await fetch(`${fleet.facts.dashboardUrl}/healthz`)).status).toBe(200);
    const runFile = JSON.parse(readFileSync(join(filefleet.dataDir, 'run.json'), 'utf8'));
    expect(runFile).toMatchObject({
      pid: fleet.pid,
      redisUrl: fleet.facts.redisUrl,
      dashboardUrl: fleet.facts.dashboardUrl,
    });
    const credentials = join(filefleet.dataDir, 'dashboard-credentials.json');
    expect(statSync(credentials).mode & 0o777).toBe(0o600);
  });

  test('is not started twice on a data folder: the second start says who runs it and exits 75', async () => {
    const { exitCode, stdout } = await filefleet.run(['start', '--json']);
    expect(exitCode).toBe(75);
    expect(JSON.parse(stdout).error).toMatchObject({ code: 'LOCK_HELD', pid: fleet.pid });
    expect((await fetch(`${fleet.facts.dashboardUrl}/healthz`)).status).toBe(200);
  });

  test('whose writer is killed starts it again, and stores files again', async () => {
    const [line] = children.flatMap((pid) => {
      const { stdout } = spawnSync('ps', ['-o', 'pid=,args=', '-p', String(pid)], { encoding: 'utf8' });
      return stdout.includes('writer/src/main.ts') ? [stdout] : [];
    });
    process.kill(Number.parseInt(line ?? '', 10), 'SIGKILL');
    await fleet.until(/writer is back/);
    const { exitCode } = await filefleet.run(['put', import.meta.filename, '--session', 'after']);
    expect(exitCode).toBe(0);
  });

  test('whose supervisor is killed goes with it', async ({ skip }) => {
    if (bindToParent('true', [])[0] === 'true')
      skip('no setpriv(1) here: children outlive a killed supervisor');
    children = childrenOf(fleet.pid);
    expect(children).toHaveLength(3);
    fleet.kill('SIGKILL');
    await until(() => !children.some(isRunning), 'its children to be gone');
  });

  test('has the same login after its next start', async () => {
    const { password } = fleet.facts;
    fleet.kill('SIGINT'); // where it has not been killed
    await fleet.ended;
    await start();
    expect(fleet.facts.password).toBe(password);
  });

  test('ends at SIGTERM with exit code 0, and leaves nothing', async () => {
    fleet.kill('SIGTERM');
    const { exitCode, stdout } = await fleet.ended;
    expect(exitCode).toBe(0);
    expect(stdout.split('\n')).toHaveLength(1);
    expect(children).toHaveLength(3);
    expect(children.filter(isRunning)).toEqual([]);
    expect(existsSync(join(filefleet.dataDir, 'run.json'))).toBe(false);
  });
});

test('a Redis left over on the data folder is stopped before another one starts', async () => {
  const filefleet = await setUp();
  await mkdir(join(filefleet.dataDir, 'redis'), { recursive: true });
  const folder = await realpath(join(filefleet.dataDir, 'redis'));
  const port = await choosePort('127.0.0.1', 0);
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--appendonly', 'yes'];
  const leftover = spawn('redis-server', args, { stdio: 'ignore' });
  onTestFinished(() => void leftover.kill('SIGKILL'));
  const gone = once(leftover, 'exit');
  await waitForRedis(port, AbortSignal.timeout(20_000));
  await writeFile(join(folder, 'instance.json'), JSON.stringify({ pid: leftover.pid, port }));

  const fleet = await filefleet.start();
  await gone;
  await fleet.until(/redis stopped the one that an earlier start left behind/);
});

test('ports that are taken are replaced by free ones, and it says so', async () => {
  const filefleet = await setUp();
  const blockers = [createServer().listen(0, '127.0.0.1'), createServer().listen(0, '127.0.0.1')];
  onTestFinished(() => {
    for (const blocker of blockers) blocker.close();
  });
  await Promise.all(blockers.map((blocker) => once(blocker, 'listening')));
  const [redisPort = '', dashboardPort = ''] = blockers.map((blocker) => {
    const address = blocker.address();
    return typeof address === 'object' && address ? String(address.port) : '';
  });
  const fleet = await filefleet.start({
    FILEFLEET_REDIS_PORT: redisPort,
    FILEFLEET_DASHBOARD_PORT: dashboardPort,
  });
  const { facts } = fleet;
  await fleet.until(new RegExp(`redis port ${redisPort} is in use; taking ${new URL(facts.redisUrl).port}`));
  await fleet.until(
    new RegExp(`dashboard port ${dashboardPort} is in use; taking ${new URL(facts.dashboardUrl).port}`),
  );
  expect(new URL(facts.redisUrl).port).not.toBe(redisPort);
  expect(new URL(facts.dashboardUrl).port).not.toBe(dashboardPort);
});

test('a database that the writer refuses ends everything with its exit code and its reason', async () => {
  const filefleet = await setUp();
  await mkdir(filefleet.dataDir, { recursive: true });
  await writeFile(join(filefleet.dataDir, 'conversation_files.db'), 'this is no database'.repeat(1_000));
  const { exitCode, stdout } = await filefleet.run(['start', '--json']);
  expect(exitCode).toBe(78);
  expect(JSON.parse(stdout).error.message).toMatch(
    /^expected writer to run, .* exit code 78; DATABASE_CORRUPT: [^{]+$/,
  );
  expect(existsSync(join(filefleet.dataDir, 'run.json'))).toBe(false);
});

test('a data folder that cannot be made ends the start with 78, and is named', async () => {
  const filefleet = await setUp();
  await writeFile(filefleet.dataDir, 'a file');
  const { exitCode, stderr } = await filefleet.run(['start']);
  expect([exitCode, stderr]).toEqual([
    78,
    expect.stringContaining(`expected ${filefleet.dataDir} to be a folder`),
  ]);
});

test('a Redis of a store whose data folder was removed ends everything with 78, until the variable is given that it names', async () => {
  const filefleet = await setUp();
  const server = await startRedis();
  onTestFinished(() => server.stop());
  const redis = new Redis(server.url);
  await redis.set(`${redisKeys().epoch}:store`, randomUUID()).finally(() => redis.disconnect());
  const env = { FILEFLEET_REDIS_URL: server.url };
  const { exitCode, stdout } = await filefleet.run(['start', '--json'], env);
  expect(exitCode).toBe(78);
  const named = /start with (FILEFLEET_REPLACES_STORE)=([0-9a-f-]+)/.exec(JSON.parse(stdout).error.message);
  const fleet = await filefleet.start({ ...env, [String(named?.[1])]: String(named?.[2]) });
  fleet.kill('SIGTERM');
  expect((await fleet.ended).exitCode).toBe(0);
});

test('stopping while it starts leaves nothing behind', async () => {
  const filefleet = await setUp();
  const fleet = filefleet.launch();
  await fleet.until(/redis .* Ready to accept connections/);
  const children = childrenOf(fleet.pid);
  fleet.kill('SIGINT');
  expect((await fleet.ended).exitCode).toBe(0);
  expect(children.filter(isRunning)).toEqual([]);
  expect(existsSync(join(filefleet.dataDir, 'run.json'))).toBe(false);
});

test('without redis-server it says what to type', async () => {
  const filefleet = await setUp();
  const { exitCode, stderr } = await filefleet.run(['start'], { PATH: '/nowhere' });
  expect(exitCode).toBe(69);
  expect(stderr).toMatch(/^REDIS_MISSING: .*install redis.*FILEFLEET_REDIS_URL/);
});
