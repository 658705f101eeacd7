// The private Redis of `filefleet start`: loopback only, append-only file in the data folder, no config file.

import { accessSync, constants, mkdirSync, realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { CliError } from '../errors.ts';
import type { ChildSpec } from './child.ts';
import { rememberInstance, stopLeftoverRedis } from './leftover-redis.ts';
import { choosePort } from './ports.ts';
import { waitForRedis } from './redis-probe.ts';

/** The most that Redis may hold; it refuses writes beyond, and producers wait. */
const maxMemory = '1gb';

export interface PrivateRedis {
  readonly url: string;
  /** Where it keeps its data; links resolved. */
  readonly folder: string;
  readonly spec: ChildSpec;
  /** Process id of the one that an earlier supervisor left behind; it has been stopped. */
  readonly stoppedLeftover: number | undefined;
}

/** @throws CliError REDIS_MISSING, LOCK_HELD */
export async function preparePrivateRedis(
  dataDir: string,
  wantedPort: number,
  env: NodeJS.ProcessEnv,
): Promise<PrivateRedis> {
  assertRedisServer(env);
  mkdirSync(join(dataDir, 'redis'), { recursive: true, mode: 0o750 });
  const folder = realpathSync(join(dataDir, 'redis'));
  const stoppedLeftover = await stopLeftoverRedis(folder);
  const port = await choosePort('127.0.0.1', wantedPort);
  const settings = {
    bind: '127.0.0.1',
    port: String(port),
    dir: folder,
    appendonly: 'yes',
    appendfsync: 'everysec',
    save: '',
    maxmemory: maxMemory,
    'maxmemory-policy': 'noeviction',
    daemonize: 'no',
  };
  const spec: ChildSpec = {
    name: 'redis',
    command: 'redis-server',
    args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    env,
    readyWithinMs: 60_000, // a large append-only file takes its time
    stopWithinMs: 2_000,
    waitReady: (signal) => waitForRedis(port, signal),
    onSpawn: (pid) => rememberInstance(folder, { pid, port }),
  };
  return { url: `redis://127.0.0.1:${port}`, folder, spec, stoppedLeftover };
}

function assertRedisServer(env: NodeJS.ProcessEnv): void {
  const folders = (env.PATH ?? '').split(delimiter).filter(Boolean);
  if (folders.some((folder) => isExecutable(join(folder, 'redis-server')))) return;
  const command = process.platform === 'darwin' ? 'brew install redis' : 'sudo apt-get install redis-server';
  throw new CliError(
    'REDIS_MISSING',
    'unavailable',
    `expected redis-server to be on PATH, got nothing; type \`${command}\`, or set FILEFLEET_REDIS_URL to a Redis that runs`,
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
