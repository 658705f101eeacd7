// Where the project is, how the scripts talk, and how they start another program in their own place.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(fileURLToPath(new URL('..', import.meta.url)));
/** The Node that the project brings itself; everything but these scripts runs on it. */
export const projectNode = join(root, 'node_modules', '.bin', 'node');

/** What runThrough returns when the time was over, as timeout(1) does. */
export const timeoutCode = 124;
/** After SIGTERM a program may tidy up this long. */
const killAfterMs = 10_000;

/** An error that the user can do something about: its message is all that is shown. */
export class SetupError extends Error {}

/** Speaks on stderr, so that a command's own output on stdout stays clean. */
export function say(text) {
  process.stderr.write(`filefleet: ${text}\n`);
}

/** PATH with the project's own Node first, for programs that start `node` by name. */
export function projectPath() {
  return [join(root, 'node_modules', '.bin'), ...foreignPath()].join(delimiter);
}

/** PATH as it was before npm put node_modules/.bin in front: npm must not run on a Node that it is about to replace. */
export function foreignPath() {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.filter((folder) => !folder.endsWith(`node_modules${sep}.bin`));
}

/** The first file of this name on PATH, or undefined. */
export function findOnPath(name) {
  return foreignPath()
    .map((folder) => join(folder || '.', name))
    .find((file) => existsSync(file));
}

/** Runs a command to its end and gives back what it said. */
export function capture(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8', ...options });
  const output = `${result.stdout ?? ''}${result.stderr ?? ''}`.trim();
  return { ok: result.status === 0, output: output || String(result.error?.message ?? '') };
}

/**
 * Runs a command in this process's place: same streams, signals passed on.
 * @param {{ env?: NodeJS.ProcessEnv, timeoutMs?: number }} options
 * @returns its exit code; 128 + number when a signal ended it; 124 when it was ended because its time was over.
 */
export function runThrough(command, args, { env, timeoutMs } = {}) {
  return new Promise((settle, fail) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', env });
    let timedOut = false;
    const timers = [];
    if (timeoutMs !== undefined) {
      timers.push(
        setTimeout(() => {
          timedOut = true;
          child.kill('SIGTERM');
        }, timeoutMs),
        setTimeout(() => child.kill('SIGKILL'), timeoutMs + killAfterMs),
      );
    }
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    const passOn = (signal) => child.kill(signal);
    for (const signal of signals) process.on(signal, passOn);
    const done = () => {
      for (const timer of timers) clearTimeout(timer);
      for (const signal of signals) process.off(signal, passOn);
    };
    child.once('error', (error) => {
      done();
      fail(error);
    });
    child.once('exit', (code, signal) => {
      done();
      settle(timedOut ? timeoutCode : (code ?? 128 + (constants.signals[signal] ?? 0)));
    });
  });
}

/** Runs a script's main function; what the user can mend is told in a sentence, the rest with its trace. */
export async function runScript(main) {
  try {
    process.exitCode = await main();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}
