// Processes of a run: each contestant is one of its own. They say on their standard output, as JSON lines with an
// `event`, when they are ready; they are ended by their pid.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { endWithUs } from './left-behind.ts';

const readyWithinMs = 30_000;
const stopWithinMs = 15_000;
const keptLines = 20;

export const projectRoot = fileURLToPath(new URL('../../../', import.meta.url));

export interface Program {
  /** Path of the script, from the root of the project. */
  readonly script: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Arguments for Node itself. */
  readonly nodeArgs?: readonly string[];
  /** The `event` of the line that says it has begun. */
  readonly readyEvent: string;
}

export interface RunningProcess {
  readonly pid: number;
  /** The line with which it said that it has begun. */
  readonly ready: Readonly<Record<string, unknown>>;
  /** Rejects when the process ends before it was stopped. */
  readonly failed: Promise<never>;
  /** Resolves with the next line that has this event. */
  event(name: string): Promise<Record<string, unknown>>;
  /** Asks it to end, waits, and ends it the hard way when it does not. May be called twice. */
  stop(): Promise<void>;
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
}

/** Starts a program and waits until it is ready. */
export async function startProcess(program: Program): Promise<RunningProcess> {
  const running = launch(program);
  try {
    const patience = wait(readyWithinMs, undefined, { ref: false }).then(() => {
      throw new Error(`expected ${program.script} to be ready within ${readyWithinMs} ms`);
    });
    const ready = await Promise.race([running.event(program.readyEvent), running.failed, patience]);
    return { ...running, ready };
  } catch (error) {
    await running.kill();
    throw error;
  }
}

function launch({ script, args = [], env = {}, nodeArgs = [] }: Program): Omit<RunningProcess, 'ready'> {
  const child = spawn(process.execPath, [...nodeArgs, script, ...args], {
    cwd: projectRoot,
    env: { ...ownEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`expected ${script} to start, got no process`);
  const said: string[] = [];
  const waiting: { name: string; resolve: (line: Record<string, unknown>) => void }[] = [];
  const onLine = (line: string): void => {
    said.push(line);
    if (said.length > keptLines) said.shift();
    const facts = parseLine(line);
    for (const waiter of waiting.filter(({ name }) => name === facts?.event)) {
      waiting.splice(waiting.indexOf(waiter), 1);
      if (facts) waiter.resolve(facts);
    }
  };
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', onLine);
  let wanted = false;
  const forget = endWithUs(pid);
  const gone = once(child, 'exit').finally(forget);
  const failed = gone.then(async ([code, signal]) => {
    if (wanted) return await new Promise<never>(() => undefined);
    throw new Error(`expected ${script} to go on running, got exit ${code ?? signal}: ${said.join('\n')}`);
  });
  failed.catch(() => undefined); // whoever waits for the process hears it
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    wanted = true;
    if (hasEnded(child)) return;
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), stopWithinMs);
    await gone;
    clearTimeout(timer);
  };
  return {
    pid,
    failed,
    event: (name) => new Promise((resolve) => waiting.push({ name, resolve })),
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

function parseLine(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined; // a line of another kind
  }
}

/** A shell set up for a real fleet must not aim a bench at it. */
function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('FILEFLEET_')));
}
