// The private Redis of an earlier supervisor that was killed: found by what that one wrote down, recognised by its data folder,
// stopped before another is started. Two of them on one append-only file would destroy it.

import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CliError } from '../errors.ts';
import { readJsonFile, writeJsonFile } from '../run-file.ts';
import { redisFolder } from './redis-probe.ts';

const stopWithinMs = 10_000;
const pollMs = 25;

const instanceFile = (folder: string): string => join(folder, 'instance.json');

/** Written as soon as there is a process, before it is known to work. */
export function rememberInstance(folder: string, instance: { pid: number; port: number }): void {
  writeJsonFile(instanceFile(folder), instance);
}

export function forgetInstance(folder: string): void {
  rmSync(instanceFile(folder), { force: true });
}

/**
 * Stops a Redis that still runs on this folder, or waits for one that is just stopping.
 * @returns its process id, or undefined when there was none.
 * @throws CliError LOCK_HELD when it does not stop.
 */
export async function stopLeftoverRedis(folder: string): Promise<number | undefined> {
  const { pid, port } = readJsonFile(instanceFile(folder)) ?? {};
  if (typeof pid !== 'number' || typeof port !== 'number' || !isRedis(pid, port)) return undefined;
  // Process ids and ports are used again: when somebody answers there, the folder says whose it is.
  const found = await redisFolder(port);
  if (found !== undefined && found !== folder) return undefined;
  process.kill(pid, 'SIGTERM');
  const deadline = performance.now() + stopWithinMs;
  while (isRedis(pid, port)) {
    if (performance.now() > deadline) {
      throw new CliError(
        'LOCK_HELD',
        'lockHeld',
        `expected the Redis left over on ${folder} (pid ${pid}, port ${port}) to stop, got it still running; stop it: kill ${pid}`,
        { facts: { pid, port } },
      );
    }
    await delay(pollMs);
  }
  forgetInstance(folder);
  return pid;
}

/** Whether this process is a Redis on this port: it calls itself `redis-server 127.0.0.1:<port>`. */
function isRedis(pid: number, port: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=,args=', '-p', String(pid)], { encoding: 'utf8' });
  const isGone = stdout === null || stdout.trim() === '' || stdout.trim().startsWith('Z');
  return !isGone && stdout.includes('redis-server') && stdout.includes(`:${port}`);
}
