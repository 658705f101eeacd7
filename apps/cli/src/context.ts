// What a command is given and how it answers: one JSON value or human text on stdout, everything else on stderr.

import type { Readable, Writable } from 'node:stream';
import { type Config, loadConfig } from '@filefleet/config';

/** Where text goes; a terminal says so, and how large it is. */
export type Output = Writable & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
};
/** Where keys come from, when it is a terminal. */
export type Input = Readable & { readonly isTTY?: boolean; setRawMode?(raw: boolean): unknown };

export interface Context {
  readonly env: NodeJS.ProcessEnv;
  readonly json: boolean;
  readonly verbose: boolean;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly stdin: Input | undefined;
  /** Whether text on stdout may have colours: a terminal, and no NO_COLOR. */
  readonly isColoured: boolean;
  /** Wall clock in milliseconds since 1970. */
  now(): number;
  /** @throws ConfigError CONFIG_INVALID */
  config(): Config;
  /** The command's one answer. */
  answer(value: unknown, text: () => string): void;
  /** Something beside the answer: progress, advice. */
  note(text: string): void;
}

export interface ContextOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly json: boolean;
  readonly verbose: boolean;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly stdin?: Input;
}

export function createContext(options: ContextOptions): Context {
  let config: Config | undefined;
  return {
    ...options,
    stdin: options.stdin,
    isColoured: isColoured(options),
    now: () => Date.now(),
    config() {
      config ??= loadConfig(options.env);
      return config;
    },
    answer(value, text) {
      const line = options.json ? JSON.stringify(value) : text();
      options.stdout.write(line.endsWith('\n') ? line : `${line}\n`);
    },
    note(text) {
      options.stderr.write(`${text}\n`);
    },
  };
}

/** https://no-color.org: set to anything but the empty text, it means none. */
function isColoured({ env, stdout }: ContextOptions): boolean {
  return stdout.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
}
