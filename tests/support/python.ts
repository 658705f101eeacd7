// Python, where the machine has it: for agents in another language.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { notRun } from './not-run.ts';
import { type Ran, run } from './npm.ts';

const examples = fileURLToPath(new URL('../../packages/protocol/examples/', import.meta.url));
const env = { PYTHONDONTWRITEBYTECODE: '1', PYTHONIOENCODING: 'utf-8' };

/** Whether there is a Python that the example runs on; says so under "Not run here" if not. */
export function hasPython(test: string): boolean {
  const { status } = spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 8))']);
  if (status !== 0) notRun(`${test}: an agent in Python; it needs python3, 3.8 or later`);
  return status === 0;
}

/** Whether BullMQ's own client for Python is installed; says so under "Not run here" if not. */
export function hasBullmqForPython(test: string): boolean {
  const { status } = spawnSync('python3', ['-c', 'import bullmq']);
  if (status !== 0) notRun(`${test}: an agent with BullMQ's client for Python; it needs pip install bullmq`);
  return status === 0;
}

/** Runs an example agent. @param script its file. */
export async function runAgent(script: string, ...args: readonly string[]): Promise<Ran> {
  return await run('python3', [script, ...args], { cwd: examples, env });
}

/** Runs a few lines of Python with the example agent at hand as module `agent`. */
export async function runPython(code: string, ...args: readonly string[]): Promise<Ran> {
  return await run('python3', ['-c', code, ...args], { cwd: examples, env });
}
