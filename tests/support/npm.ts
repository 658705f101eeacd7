// npm as a person types it, in folders outside of the project.

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { delimiter } from 'node:path';
import { text } from 'node:stream/consumers';

export interface Ran {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What one command may take, in milliseconds. A registry out of reach must not hold up a test run. */
const timeoutMs = 60_000;

/** Runs a program to its end, without the settings that npm gives to programs that it runs itself. */
export async function run(
  program: string,
  args: readonly string[],
  options: { cwd: string; env?: Readonly<Record<string, string>> },
): Promise<Ran> {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(npm_|FILEFLEET_|NODE_)/i.test(name));
  const env = { ...Object.fromEntries(inherited), ...options.env };
  const child = execFile(program, args, { cwd: options.cwd, env, timeout: timeoutMs });
  if (!child.stdout || !child.stderr) throw new Error('expected pipes to read from');
  const closed = once(child, 'close');
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { exitCode: child.exitCode, stdout, stderr };
}

/** Runs npm. It is a program of Node's own: with the machine's Node where the project's is not meant. */
export async function npm(cwd: string, ...args: readonly string[]): Promise<Ran> {
  const path = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => !/node_modules.\.bin$/.test(folder));
  const quiet = ['--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error', '--fetch-retries=1'];
  return await run('npm', [...args, ...quiet], { cwd, env: { PATH: path.join(delimiter) } });
}

/** Makes a folder with a manifest in it, for npm to install into. */
export async function emptyProject(
  folder: string,
  manifest: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const whole = { name: 'empty', version: '1.0.0', private: true, type: 'module', ...manifest };
  await writeFile(`${folder}/package.json`, JSON.stringify(whole));
  return folder;
}
