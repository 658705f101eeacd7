// What a command is given and how it answers: one JSON value or human text on stdout, everything else on stderr.

import type { Writable } from 'node:stream';
import { type Config, loadConfig } from '@filefleet/config';

export interface Context {
  readonly env: NodeJS.ProcessEnv;
  readonly json: boolean;
  readonly verbose: boolean;
  readonly stdout: Writable;
  readonly stderr: Writable & { readonly isTTY?: boolean };
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
  readonly stdout: Writable;
  readonly stderr: Writable & { readonly isTTY?: boolean };
}

export function createContext(options: ContextOptions): Context {
  let config: Config | undefined;
  return {
    ...options,
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
