// Starts processes that use the store, and lets them act at the same moment.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';

export type Answer = { ok?: unknown; error?: { code: string; message: string } };

export interface StoreProcess {
  readonly child: ChildProcess;
  /** Lets it act. @returns what it said. */
  act(): Promise<Answer>;
  /** Ends it with a signal and waits until it is gone. */
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** Starts a process that stands ready to act; it is killed when the test ends. */
export async function startStoreProcess(
  action: 'initialize' | 'lock',
  dataDir: string,
): Promise<StoreProcess> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'store-child.ts'), action, dataDir], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const gone = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const kill = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await gone;
  };
  onTestFinished(() => (child.exitCode === null && child.signalCode === null ? kill('SIGKILL') : undefined));
  await nextLine(lines);
  return {
    child,
    kill,
    act: async () => {
      child.stdin.write('go\n');
      return JSON.parse(await nextLine(lines)) as Answer;
    },
  };
}

async function nextLine(lines: AsyncIterator<string>): Promise<string> {
  const { value, done } = await lines.next();
  if (done) throw new Error('expected the process to say a line, got its end; see its stderr above');
  return value;
}
