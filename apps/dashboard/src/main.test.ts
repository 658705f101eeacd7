import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { compileCache } from '../../../tests/support/compile-cache.ts';
import { basicOf, testUsersVariable } from '../../../tests/support/dashboard-users.ts';
import { startRedis, type TestRedis } from '../../../tests/support/redis.ts';

const nowhere = 'redis://127.0.0.1:1';
const main = fileURLToPath(new URL('./main.ts', import.meta.url));
const leftOver: (() => unknown)[] = [];

afterEach(async () => {
  for (const clean of leftOver.splice(0)) await clean();
});

/** The dashboard as a process of its own. */
function start(env: Record<string, string>) {
  const lines: Record<string, unknown>[] = [];
  const waiting = new Map<string, (line: Record<string, unknown>) => void>();
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env.PATH ?? '',
      NODE_COMPILE_CACHE: compileCache,
      FILEFLEET_DASHBOARD_PORT: '0',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  leftOver.push(() => child.kill('SIGKILL'));
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = JSON.parse(text) as Record<string, unknown>;
    lines.push(line);
    waiting.get(String(line.event))?.(line);
  });
  const exited = once(child, 'close').then(([code]) => code as number | null);
  const next = (name: string) =>
    new Promise<Record<string, unknown>>((resolve, reject) => {
      waiting.set(name, resolve);
      exited.then(() => reject(new Error(`expected ${name}, got the end after ${JSON.stringify(lines)}`)));
    });
  const event = async (name: string) => lines.find((line) => line.event === name) ?? next(name);
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    const began = performance.now();
    child.kill(signal);
    return { code: await exited, tookMs: performance.now() - began };
  };
  const signal = (name: NodeJS.Signals) => child.kill(name);
  return { lines, event, next, signal, exited, stop };
}

async function redisOfThisTest(): Promise<TestRedis> {
  const redis = await startRedis();
  leftOver.push(() => redis.stop());
  return redis;
}

describe('the process', () => {
  test('starts without Redis, stays up, says so, and stops with 0', async () => {
    const dashboard = start({ FILEFLEET_REDIS_URL: nowhere });
    const { url } = await dashboard.event('dashboard.ready');
    const health = await fetch(`${url}/healthz`);
    expect(health.status).toBe(200);
    expect(await health.json()).toMatchObject({ status: 'degraded', redis: 'down' });
    const { code, tookMs } = await dashboard.stop();
    expect(code).toBe(0);
    expect(tookMs).toBeLessThan(5_000);
    expect(dashboard.lines.filter(({ event }) => event === 'redis.away')).toHaveLength(1);
    expect(dashboard.lines.every(({ event, level }) => event && level)).toBe(true);
  });

  test.each(['SIGTERM', 'SIGINT'] as const)(
    'stops on %s within five seconds though Redis hangs',
    async (signal) => {
      const redis = await redisOfThisTest();
      const dashboard = start({
        FILEFLEET_REDIS_URL: redis.url,
        FILEFLEET_DASHBOARD_USERS: testUsersVariable,
      });
      const { url } = await dashboard.event('dashboard.ready');
      const headers = { authorization: basicOf('vera', 'password of vera') };
      expect((await fetch(`${url}/queues/api/queues`, { headers })).status).toBe(200);
      redis.pause();
      const cutOff = fetch(`${url}/queues/api/queues`, { headers }).then(
        (response) => response.status,
        () => 'cut off',
      );
      await fetch(`${url}/healthz`);
      const { code, tookMs } = await dashboard.stop(signal);
      expect(code).toBe(0);
      expect(tookMs).toBeLessThan(5_000);
      expect([503, 'cut off']).toContain(await cutOff);
    },
  );

  test('takes users from a file, sees it renamed into place, and looks again at SIGHUP', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'filefleet-access-'));
    leftOver.push(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'users');
    const put = (text: string) => {
      writeFileSync(`${path}~`, text, { mode: 0o600 });
      renameSync(`${path}~`, path);
    };
    put(testUsersVariable.replaceAll(',', '\n'));
    const dashboard = start({ FILEFLEET_REDIS_URL: nowhere, FILEFLEET_DASHBOARD_USERS_FILE: path });
    const { url, users } = await dashboard.event('dashboard.ready');
    expect(users).toBe(3);
    const headers = { authorization: basicOf('vera', 'password of vera') };
    const asVera = async () => (await fetch(`${url}/history/hour`, { headers })).status;
    expect(await asVera()).toBe(200);
    put('# nobody');
    await dashboard.event('access.changed');
    expect(await asVera()).toBe(401);
    put('vera');
    await dashboard.event('access.kept');
    const again = dashboard.next('access.kept');
    dashboard.signal('SIGHUP');
    expect(await again).toMatchObject({ list: 'users', reason: expect.stringContaining('in line 1') });
    expect((await dashboard.stop()).code).toBe(0);
  });

  test('stops although a client keeps its connection open', async () => {
    const dashboard = start({ FILEFLEET_REDIS_URL: nowhere });
    const { url } = await dashboard.event('dashboard.ready');
    const socket = new Socket().connect(Number(new URL(String(url)).port), '127.0.0.1');
    socket.on('error', () => {});
    leftOver.push(() => socket.destroy());
    await once(socket, 'connect');
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n');
    const { code, tookMs } = await dashboard.stop();
    expect(code).toBe(0);
    expect(tookMs).toBeLessThan(5_000);
  });

  test('makes a password for this run when nobody is configured, and prints it once', async () => {
    const dashboard = start({ FILEFLEET_REDIS_URL: nowhere, FILEFLEET_LOG_LEVEL: 'fatal' });
    const { url } = await dashboard.event('dashboard.ready');
    const { user, password } = await dashboard.event('dashboard.password');
    const headers = { authorization: basicOf(String(user), String(password)) };
    expect((await fetch(`${url}/`, { headers })).status).toBe(200);
    expect((await fetch(`${url}/`, { headers: { authorization: basicOf('admin', 'admin') } })).status).toBe(
      401,
    );
    await dashboard.stop();
    expect(JSON.stringify(dashboard.lines).split(String(password))).toHaveLength(2);
  });

  test('makes none when users are configured', async () => {
    const dashboard = start({ FILEFLEET_REDIS_URL: nowhere, FILEFLEET_DASHBOARD_USERS: testUsersVariable });
    expect(await dashboard.event('dashboard.ready')).toMatchObject({ users: 3 });
    await dashboard.stop();
    expect(dashboard.lines.map(({ event }) => event)).not.toContain('dashboard.password');
  });
});

describe('the process ends with 78 and a sentence that says what to do', () => {
  async function refusal(env: Record<string, string>): Promise<string> {
    const dashboard = start(env);
    expect(await dashboard.exited).toBe(78);
    const refused = dashboard.lines.filter(({ event }) => event === 'dashboard.refused');
    expect(refused).toHaveLength(1);
    expect(dashboard.lines.at(-1)).toBe(refused[0]);
    return String(refused[0]?.message);
  }

  test('when others could reach it and no user is named', async () => {
    const message = await refusal({ FILEFLEET_REDIS_URL: nowhere, FILEFLEET_DASHBOARD_HOST: '0.0.0.0' });
    expect(message).toMatch(/FILEFLEET_DASHBOARD_USERS: expected .+ set it to name:role:hash/);
  });

  test('when its file of users cannot be read', async () => {
    const message = await refusal({
      FILEFLEET_REDIS_URL: nowhere,
      FILEFLEET_DASHBOARD_USERS_FILE: '/nonexistent',
    });
    expect(message).toMatch(/FILEFLEET_DASHBOARD_USERS_FILE: expected .+ got ENOENT; mend \/nonexistent/);
  });

  test('when no Redis is named', async () => {
    expect(await refusal({})).toMatch(/FILEFLEET_REDIS_URL: expected .+ got nothing/);
  });

  test('when the configuration is wrong, with every problem and no secret', async () => {
    const message = await refusal({
      FILEFLEET_REDIS_URL: 'http://:hush@x',
      FILEFLEET_DASHBOARD_PORT: 'x',
      FILEFLEET_DASHBORD_HOST: '::1',
    });
    expect(message).toContain('3 problems');
    expect(message).toContain('did you mean FILEFLEET_DASHBOARD_HOST?');
    expect(message).not.toContain('hush');
  });

  test('when the port is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    leftOver.push(() => other.close());
    await once(other, 'listening');
    const address = other.address();
    const port = address && typeof address === 'object' ? address.port : 0;
    const message = await refusal({ FILEFLEET_REDIS_URL: nowhere, FILEFLEET_DASHBOARD_PORT: String(port) });
    expect(message).toContain(`FILEFLEET_DASHBOARD_PORT: expected port ${port} on 127.0.0.1 to be free`);
  });

  test('when the address is not of this machine', async () => {
    const message = await refusal({
      FILEFLEET_REDIS_URL: nowhere,
      FILEFLEET_DASHBOARD_HOST: '192.0.2.1',
      FILEFLEET_DASHBOARD_USERS: testUsersVariable,
    });
    expect(message).toContain(
      'FILEFLEET_DASHBOARD_HOST: expected 192.0.2.1 to be an address of this machine',
    );
  });
});
