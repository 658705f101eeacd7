// The fleet of docker-compose.yml: built, started, used, stopped, killed, started again. One fleet for the whole file;
// the tests follow each other.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ComposeFleet, createComposeFleet } from '../support/compose.ts';
import { docker, inspect, tryCommand, untilHealthy } from '../support/container-engine.ts';
import { testUsers, testUsersVariable } from '../support/dashboard-users.ts';
import { noise } from '../support/files.ts';
import { notRun } from '../support/not-run.ts';

const found = await createComposeFleet({ FILEFLEET_DASHBOARD_USERS: testUsersVariable });
if (!found) notRun('tests/containers/compose.test.ts: it needs Docker Compose; install docker-compose');
const content = noise(2 * 1024 * 1024 + 7, 'compose');

describe.skipIf(!found)('the fleet of docker-compose.yml', () => {
  const fleet = found as ComposeFleet;
  let fileId = '';

  const read = (id: string) => fleet.filefleet(['get', id, '--output', '-']);
  const health = async () => {
    const writer = await fleet.container('writer');
    return tryCommand(['docker', 'exec', writer, 'node', 'apps/writer/src/health.ts']);
  };

  beforeAll(async () => {
    await fleet.run(['--profile', 'agent', 'build']);
    await fleet.run(['up', '--detach', '--no-build']);
  });
  afterAll(async () => {
    await fleet.remove();
    expect(await leftovers(fleet.project)).toEqual([]);
  });

  test('is a valid file also when nobody is named who may log in', async () => {
    const result = await fleet.try(['config'], { env: { FILEFLEET_DASHBOARD_USERS: '' } });
    expect(result.exitCode).toBe(0);
  });

  test('becomes healthy, every service of it', async () => {
    for (const service of ['redis', 'writer', 'dashboard']) {
      await untilHealthy(await fleet.container(service));
    }
  });

  test('has a Redis that keeps what it was given and never evicts', async () => {
    const redis = await fleet.container('redis');
    const setting = async (name: string) =>
      (await docker('exec', redis, 'redis-cli', 'config', 'get', name)).split('\n')[1];
    expect(await setting('maxmemory-policy')).toBe('noeviction');
    expect(Number(await setting('maxmemory'))).toBeGreaterThan(256 * 1024 * 1024);
    expect(await setting('appendonly')).toBe('yes');
    expect(await setting('appendfsync')).toBe('everysec');
  });

  test('stores a file of 2 MB through an agent and gives the same bytes back', async () => {
    const args = ['put', '-', '--session', 's1', '--name', 'noise.bin', '--vm', 'vm2', '--json'];
    const receipt = JSON.parse((await fleet.filefleet(args, { input: content })).toString());
    expect(receipt).toMatchObject({ outcome: 'applied', size: content.byteLength, deduplicated: false });
    fileId = receipt.fileId;
    expect((await read(fileId)).equals(content)).toBe(true);
  });

  test('answers on this machine only, and without a login nothing but /healthz', async () => {
    const bindings = '{{range $port, $to := .NetworkSettings.Ports}}{{range $to}}{{.HostIp}} {{end}}{{end}}';
    expect(await inspect(await fleet.container('dashboard'), bindings)).toBe('127.0.0.1');
    expect(await inspect(await fleet.container('redis'), bindings)).toBe('');

    const healthz = await fetch(`${fleet.dashboardUrl}/healthz`);
    expect(healthz.status).toBe(200);
    expect(await healthz.json()).toMatchObject({ status: 'ok', redis: 'up', writer: { alive: true } });
    expect((await fetch(fleet.dashboardUrl)).status).toBe(401);
    const headers = { authorization: testUsers.viewer.basic };
    expect((await fetch(fleet.dashboardUrl, { headers })).status).toBe(200);
  });

  test('runs no program as root, and only the writer can write to the data folder', async () => {
    for (const [service, canWrite] of [
      ['writer', true],
      ['dashboard', false],
    ] as const) {
      const container = await fleet.container(service);
      expect(Number(await docker('exec', container, 'id', '-u'))).toBeGreaterThan(0);
      const touch = ['docker', 'exec', container, 'touch', '/var/lib/filefleet/tmp/probe'];
      expect((await tryCommand(touch)).exitCode === 0).toBe(canWrite);
      expect(
        (await tryCommand(['docker', 'exec', container, 'touch', '/opt/filefleet/x'])).exitCode,
      ).not.toBe(0);
    }
    await docker('exec', await fleet.container('writer'), 'rm', '/var/lib/filefleet/tmp/probe');
    const upload = '/var/lib/filefleet/incoming/probe';
    await docker('exec', await fleet.container('dashboard'), 'sh', '-c', `umask 027; echo x > ${upload}`);
    expect((await docker('exec', await fleet.container('writer'), 'cat', upload)).trim()).toBe('x');
    await docker('exec', await fleet.container('writer'), 'rm', upload);
  });

  test('refuses a second writer at once, naming the first', async () => {
    const result = await fleet.try(['run', '--rm', '-T', '--no-deps', 'writer']);
    expect(result.exitCode).toBe(75);
    const first = (await fleet.container('writer')).slice(0, 12);
    expect(result.stdout.toString()).toMatch(new RegExp(`LOCK_HELD.*the writer with pid 1 on ${first}`));
  });

  test('plays a day of the fleet', async () => {
    const summary = JSON.parse((await fleet.filefleet(['demo', '--json'])).toString());
    expect(summary).toMatchObject({ problems: [] });
  });

  test('ends with 0 when it is told to stop, and what was stored can still be read', async () => {
    await fleet.run(['stop', 'writer', 'dashboard']);
    expect([await fleet.exitCode('writer'), await fleet.exitCode('dashboard')]).toEqual([0, 0]);
    expect((await read(fileId)).equals(content)).toBe(true);
    await fleet.run(['stop']);
    expect(await fleet.exitCode('redis')).toBe(0);
  });

  test('has the file after it was started again', async () => {
    await fleet.run(['up', '--detach', '--no-build']);
    await untilHealthy(await fleet.container('writer'));
    expect((await read(fileId)).equals(content)).toBe(true);
    expect((await health()).stdout.toString()).toMatch(/^running, epoch 2,/);
  });

  test('says that the writer is not well when it cannot reach Redis, and stops with 0 all the same', async () => {
    await fleet.run(['stop', 'redis']);
    const { exitCode, stdout } = await health();
    expect(exitCode).toBe(1);
    expect(stdout.toString()).toContain('expected Redis to answer');
    await fleet.run(['stop', 'writer']);
    expect(await fleet.exitCode('writer')).toBe(0);
  });

  test('can be read after its writer was killed', async () => {
    await fleet.run(['up', '--detach', '--no-build']);
    await untilHealthy(await fleet.container('writer'));
    await docker('kill', '--signal=KILL', await fleet.container('writer'));
    await docker('wait', await fleet.container('writer'));
    expect(await fleet.exitCode('writer')).toBe(137);
    expect((await read(fileId)).equals(content)).toBe(true);
  });
});

/** What is still there of a project, by the label and by the names that Compose gives. */
async function leftovers(project: string): Promise<string[]> {
  const label = `--filter=label=com.docker.compose.project=${project}`;
  const lists = await Promise.all([
    docker('ps', '--all', '--quiet', label),
    docker('volume', 'ls', '--quiet', label),
    docker('network', 'ls', '--quiet', label),
    docker('images', '--quiet', `--filter=reference=${project}*`),
  ]);
  return lists.filter(Boolean);
}
