// A program in a pseudo-terminal, as a person has it: `script` of util-linux gives one to it, and stty its size.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { compileCache } from './compile-cache.ts';
import { until } from './deadline.ts';

export interface Terminal {
  /** Everything that came to the screen so far, control characters included. */
  readonly said: string;
  type(keys: string): void;
  /** Resolves when the screen has shown it. */
  sees(pattern: RegExp): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** Of the program. */
  readonly exitCode: Promise<number | null>;
}

/** Whether this machine can give one. */
export const hasTerminals: boolean = spawnSync('script', ['--version']).status === 0;

export interface TerminalOptions {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly columns?: number;
  readonly rows?: number;
}

/** @param options.args of this Node. The arguments must need no quoting by a shell. */
export function openTerminal({ args, env, columns = 80, rows = 24 }: TerminalOptions): Terminal {
  const program = [process.execPath, ...args].map((word) => `'${word}'`).join(' ');
  const command = `stty rows ${rows} cols ${columns} && exec ${program}`;
  const child: ChildProcess = spawn('script', ['-q', '-e', '-c', command, '/dev/null'], {
    env: {
      NODE_COMPILE_CACHE: compileCache,
      ...env,
      PATH: process.env.PATH,
      TERM: 'xterm-256color',
      SHELL: '/bin/sh',
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  return {
    get said() {
      return said;
    },
    type: (keys) => void child.stdin?.write(keys),
    sees: async (pattern) => void (await until(() => pattern.test(said), `${pattern} on the screen`)),
    signal: (name) => void child.kill(name),
    exitCode: once(child, 'close').then(([code]) => code as number | null),
  };
}
