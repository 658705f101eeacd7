// The dashboard as a process of its own: killed, and looked at from outside. Whoever starts it ends it.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Exit, endWithUs, exitOf, killChild } from './children.ts';
import { compileCache } from './compile-cache.ts';
import { testUsersVariable } from './dashboard-users.ts';

const program = fileURLToPath(new URL('../../apps/dashboard/src/main.ts', import.meta.url));
/** Of a program that may write to all sessions. */
export const writingToken = 'token-of-a-test';

export interface DashboardProcess {
  readonly url: string;
  /** The most memory that it ever had, in bytes. */
  peakBytes(): number;
  kill(): Promise<Exit>;
  stop(): Promise<Exit>;
}

/** Resolves when it listens. */
export async function startDashboard(redisUrl: string, dataDir: string): Promise<DashboardProcess> {
  const hash = createHash('sha256').update(writingToken).digest('hex');
  const child = spawn(process.execPath, [program], {
    env: {
      PATH: process.env.PATH ?? '',
      NODE_COMPILE_CACHE: compileCache,
      FILEFLEET_DASHBOARD_PORT: '0',
      FILEFLEET_REDIS_URL: redisUrl,
      FILEFLEET_DATA_DIR: dataDir,
      FILEFLEET_DASHBOARD_USERS: testUsersVariable,
      FILEFLEET_DASHBOARD_TOKENS: `test:write:${hash}`,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  endWithUs(child);
  const exited = exitOf(child, 'close');
  exited.catch(() => undefined);
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = JSON.parse(text) as { event: string; url: string };
      if (line.event === 'dashboard.ready') resolve(line.url);
    });
    exited.then((exit) => reject(new Error(`expected a dashboard, got its end: ${JSON.stringify(exit)}`)));
  });
  return {
    url,
    peakBytes: () => {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
    },
    kill: () => killChild(child, exited),
    stop: () => {
      child.kill('SIGTERM');
      return exited;
    },
  };
}
