// The program `filefleet` as a person runs it: a process of its own, with a data folder of its own.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { compileCache } from './compile-cache.ts';
import { freePort } from './redis.ts';

const program = fileURLToPath(new URL('../../apps/cli/src/main.ts', import.meta.url));

export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StartedFleet {
  /** What `filefleet start --json` answered. */
  readonly facts: {
    readonly redisUrl: string;
    readonly dashboardUrl: string;
    readonly user: string;
    readonly password: string;
  };
  /** Process id of the supervisor. */
  readonly pid: number;
  /** Resolves with the next line of its log, from its start on, that matches. */
  until(pattern: RegExp): Promise<string>;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<Ended>;
}

export interface Filefleet {
  readonly dataDir: string;
  /** Runs one command to its end. */
  run(args: readonly string[], env?: Record<string, string>): Promise<Ended>;
  /** Starts the supervisor without waiting until it is ready. */
  launch(env?: Record<string, string>): Omit<StartedFleet, 'facts'> & { readonly answer: Promise<string> };
  /** Starts the fleet and waits until it is ready. */
  start(env?: Record<string, string>): Promise<StartedFleet>;
  /** Ends what still runs and removes the data folder. */
  dispose(): Promise<void>;
}

/** Makes a data folder; nothing runs yet. Ports are free ones, so that tests run side by side. */
export async function createFilefleet(): Promise<Filefleet> {
  const folder = await mkdtemp(join(tmpdir(), 'filefleet-cli-'));
  const dataDir = join(folder, 'data');
  // With the usual port, a writer of somebody else's that looks for its lost Redis would find this one.
  const redisPort = String(await freePort());
  const running = new Set<ChildProcess>();
  const spawnProgram = (args: readonly string[], env: Record<string, string> = {}) => {
    const child = spawn(process.execPath, [program, ...args], {
      env: {
        PATH: process.env.PATH,
        HOME: folder,
        NODE_COMPILE_CACHE: compileCache,
        FILEFLEET_REDIS_PORT: redisPort,
        ...env,
        ...settings(dataDir, env),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    child.once('close', () => running.delete(child));
    return child;
  };
  const launch: Filefleet['launch'] = (env) => watch(spawnProgram(['start', '--json'], env));
  return {
    dataDir,
    launch,
    async run(args, env) {
      const child = spawnProgram(args, env);
      const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), closed(child)]);
      return { exitCode: child.exitCode, stdout, stderr };
    },
    async start(env) {
      const launched = launch(env);
      const answer = await Promise.race([launched.answer, launched.ended]);
      const said = typeof answer === 'string' ? (JSON.parse(answer) as StartedFleet['facts']) : undefined;
      if (said?.dashboardUrl) return { ...launched, facts: said };
      throw new Error(`expected the fleet to start, got ${(await launched.ended).stderr}`);
    },
    async dispose() {
      for (const child of running) {
        child.kill('SIGTERM');
        await closed(child);
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function settings(dataDir: string, env: Record<string, string>): Record<string, string> {
  return { FILEFLEET_DATA_DIR: dataDir, FILEFLEET_DASHBOARD_PORT: env.FILEFLEET_DASHBOARD_PORT ?? '0' };
}

function watch(child: ChildProcess): ReturnType<Filefleet['launch']> {
  if (!child.stdout || !child.stderr || child.pid === undefined) throw new Error('expected pipes and a pid');
  const said: string[] = [];
  const waiting = new Set<(line: string) => void>();
  const stdout: string[] = [];
  const answer = Promise.withResolvers<string>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    stdout.push(line);
    answer.resolve(line);
  });
  createInterface({ input: child.stderr }).on('line', (line) => {
    said.push(line);
    for (const tell of waiting) tell(line);
  });
  return {
    pid: child.pid,
    answer: answer.promise,
    kill: (signal) => void child.kill(signal),
    ended: closed(child).then(() => ({
      exitCode: child.exitCode,
      stdout: stdout.join('\n'),
      stderr: said.join('\n'),
    })),
    until: (pattern) =>
      new Promise((resolve) => {
        const found = said.find((line) => pattern.test(line));
        if (found !== undefined) return resolve(found);
        const tell = (line: string) => {
          if (!pattern.test(line)) return;
          waiting.delete(tell);
          resolve(line);
        };
        waiting.add(tell);
      }),
  };
}

async function closed(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
}
