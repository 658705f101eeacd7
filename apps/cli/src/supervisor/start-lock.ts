// One supervisor per data folder: a kernel lock on `<dataDir>/start.lock`, kept for the life of the process. The file
// says who holds it, for the sentence that the next one gets.

import { closeSync, constants, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { tryLock } from 'fs-native-extensions';
import { CliError } from '../errors.ts';

/** @throws CliError LOCK_HELD, exit 75 */
export function acquireStartLock(dataDir: string, nowMs: number): { release(): void } {
  const path = join(dataDir, 'start.lock');
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o640);
  if (!tryLock(fd)) {
    closeSync(fd);
    throw held(dataDir, path);
  }
  ftruncateSync(fd, 0);
  writeSync(fd, `${JSON.stringify({ pid: process.pid, startedAt: new Date(nowMs).toISOString() })}\n`, 0);
  return { release: () => closeSync(fd) };
}

function held(dataDir: string, path: string): CliError {
  const [, pid = 'unknown'] = /"pid":(\d+)/.exec(readFileSync(path, 'utf8')) ?? [];
  const [, startedAt = 'just now'] = /"startedAt":"([^"]+)"/.exec(readFileSync(path, 'utf8')) ?? [];
  return new CliError(
    'LOCK_HELD',
    'lockHeld',
    `expected no fleet to run on ${dataDir}, got one started with pid ${pid} since ${startedAt}; use that one (npx filefleet status), ` +
      `stop it (kill ${pid}), or set FILEFLEET_DATA_DIR to another folder`,
    { facts: { dataDir, pid: Number(pid), startedAt } },
  );
}
