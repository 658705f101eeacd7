// A Redis of a test's own: a real `redis-server` from PATH on a free port, with nothing on disk, ended by its pid.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface TestRedis {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Ends it at once, as a crash would, and waits until it is gone. May be called twice. */
  stop(): Promise<void>;
  /** Makes it hang: connections stay open, nothing is answered. */
  pause(): void;
  resume(): void;
}

/** Another program may take the port between our look and Redis's. */
const attempts = 5;

export interface RedisOptions {
  /** The port to use again after a stop; a free one if left out. */
  readonly port?: number;
  /** More arguments for redis-server. */
  readonly args?: readonly string[];
  /** Paths in PEM: it speaks nothing but TLS then. */
  readonly tls?: { readonly certificate: string; readonly key: string };
}

/** Starts a Redis and waits until it answers. */
export async function startRedis(options: RedisOptions = {}): Promise<TestRedis> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await launch(options.port ?? (await freePort()), options);
    } catch (error) {
      if (attempt === attempts || (error as NodeJS.ErrnoException).code === 'ENOENT') throw error;
    }
  }
}

async function launch(port: number, { args: extra = [], tls }: RedisOptions): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'filefleet-redis-'));
  const args = ['--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'];
  const ports = tls ? ['--port', '0', '--tls-port', String(port)] : ['--port', String(port)];
  const pair = tls ? ['--tls-cert-file', tls.certificate, '--tls-key-file', tls.key] : [];
  const secured = tls ? [...pair, '--tls-auth-clients', 'no'] : [];
  args.push(...ports, ...secured, '--maxmemory-policy', 'noeviction', ...extra);
  const child = spawn('redis-server', args, {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const gone = once(child, 'exit').catch(() => undefined);
  const watchdog = endWithUs(child);
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
      child.kill('SIGKILL');
      await gone;
    }
    watchdog?.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const pid = await untilReady(child);
    return {
      url: `${tls ? 'rediss' : 'redis'}://127.0.0.1:${port}`,
      port,
      pid,
      stop,
      pause: () => void child.kill('SIGSTOP'),
      resume: () => void child.kill('SIGCONT'),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A run that is killed stops nothing: then the pipe closes, and this ends the Redis that would be left behind. */
function endWithUs({ pid }: ChildProcess): ChildProcess | undefined {
  if (pid === undefined) return undefined;
  const script = 'cat > /dev/null; kill -9 "$1"';
  const watchdog = spawn('sh', ['-c', script, 'sh', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  watchdog.unref();
  return watchdog;
}

/** @returns the pid, once Redis says that it takes connections. */
function untilReady(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const said: string[] = [];
    child.once('error', reject);
    child.once('exit', (code) =>
      reject(
        new Error(`expected redis-server to start, got exit code ${code}: ${said.slice(-3).join(' | ')}`),
      ),
    );
    if (!child.stdout) return reject(new Error('expected redis-server to have a standard output'));
    createInterface({ input: child.stdout }).on('line', (line) => {
      said.push(line);
      if (line.includes('Ready to accept connections') && child.pid !== undefined) resolve(child.pid);
    });
  });
}

/** A port that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('expected a port from the system');
  return address.port;
}
