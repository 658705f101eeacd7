// Processes that a test starts: ended by their pid, and found when a test forgets one.

import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { within } from './deadline.ts';

/** How long a child that was told to end may take for it, in milliseconds. */
const endingMs = 3_000;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * How the process ends.
 * @param when `close`: its output has been read too. A child with an IPC channel may never say it: `exit` for those.
 */
export function exitOf(child: ChildProcess, when: 'exit' | 'close'): Promise<Exit> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once(when, (code: number | null, signal: NodeJS.Signals | null) => resolve({ code, signal }));
  });
}

export function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

/** Ends it at once, as a power cut would, also when it is stopped by a signal. Harmless afterwards. */
export async function killChild(child: ChildProcess, exited: Promise<Exit>): Promise<Exit> {
  if (isRunning(child)) child.kill('SIGKILL');
  return await within(exited, `process ${child.pid} to be gone after SIGKILL`);
}

/** Should this process die without a word, its child dies too: a shell waits for the end of its own input. */
export function endWithUs(child: ChildProcess): void {
  const script = 'cat > /dev/null; kill -9 "$1"';
  const watchdog = spawn('sh', ['-c', script, 'sh', String(child.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true, // Ctrl-C must not end it before it has done its work
  });
  watchdog.unref();
  child.once('exit', () => watchdog.kill('SIGKILL')); // the pid may soon be another's
}

/** This process's children as the system sees them: pid and command line. Zombies are left out. */
export function runningChildren(): { pid: number; command: string }[] {
  return childPids().flatMap((pid) => {
    const command = commandOf(pid);
    return command === '' ? [] : [{ pid, command }];
  });
}

/** Children that are still there when those that were about to end have ended: pid and command line. */
export async function leftoverChildren(): Promise<string[]> {
  const deadline = performance.now() + endingMs;
  for (;;) {
    const running = runningChildren();
    if (running.length === 0 || performance.now() > deadline) {
      return running.map(({ pid, command }) => `${pid} ${command}`);
    }
    await pause(20);
  }
}

function childPids(): number[] {
  if (process.platform !== 'linux') return [];
  const lists = readdirSync('/proc/self/task').map((task) => readText(`/proc/self/task/${task}/children`));
  return lists.join(' ').split(/\s+/).filter(Boolean).map(Number);
}

/** Empty for a process that is gone, or that only waits for its exit code to be read. */
function commandOf(pid: number): string {
  return readText(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // gone between two looks
  }
}
