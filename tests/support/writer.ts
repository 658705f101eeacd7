// The writer as a process of its own: started, watched by its event lines, stopped or killed by its pid.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Exit, endWithUs, exitOf, isRunning, killChild } from './children.ts';
import { compileCache } from './compile-cache.ts';
import { patienceMs, within } from './deadline.ts';

/** One line of the writer's log: `event`, `time` and the facts of the event. */
export interface WriterLine {
  readonly event: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly [fact: string]: unknown;
}

export interface WriterOptions {
  readonly redisUrl: string;
  readonly dataDir: string;
  /** More FILEFLEET_* variables. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface WriterProcess {
  readonly pid: number;
  /** When it was started, in milliseconds since 1970. */
  readonly startedAtMs: number;
  /** Every line so far. */
  readonly lines: readonly WriterLine[];
  /** What it wrote to standard error so far. */
  readonly errors: readonly string[];
  /** Resolves when it takes operations; rejects when it ends before. */
  readonly ready: Promise<WriterLine>;
  readonly exited: Promise<Exit>;
  readonly isRunning: boolean;
  /** The first line of this event that `matches`, also one that was written before. Rejects when it ends without one. */
  waitForEvent(event: string, matches?: (line: WriterLine) => boolean): Promise<WriterLine>;
  signal(name: NodeJS.Signals): void;
  /** SIGKILL. */
  kill(): Promise<Exit>;
  /** SIGTERM. @returns how it ended and how long that took. */
  stop(): Promise<Exit & { readonly afterMs: number }>;
}

const program = fileURLToPath(new URL('../../apps/writer/src/main.ts', import.meta.url));

/** Starts a writer with every event in its log. Whoever starts it ends it. */
export function startWriter({ redisUrl, dataDir, env = {} }: WriterOptions): WriterProcess {
  const startedAtMs = Date.now();
  const child = spawn(process.execPath, [program], {
    env: {
      ...withoutOurVariables(process.env),
      FILEFLEET_REDIS_URL: redisUrl,
      FILEFLEET_DATA_DIR: dataDir,
      FILEFLEET_LOG_LEVEL: 'debug',
      NODE_COMPILE_CACHE: compileCache,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`expected the writer to start from ${program}, got no process`);
  endWithUs(child);
  const exited = exitOf(child, 'close');
  const lines: WriterLine[] = [];
  const errors: string[] = [];
  const watchers = new Set<(line: WriterLine) => void>();
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = JSON.parse(text) as WriterLine;
    lines.push(line);
    for (const watch of watchers) watch(line);
  });
  createInterface({ input: child.stderr }).on('line', (text) => errors.push(text));

  const waitForEvent: WriterProcess['waitForEvent'] = async (event, matches = () => true) => {
    const wanted = (line: WriterLine) => line.event === event && matches(line);
    const seen = Promise.withResolvers<WriterLine>();
    const watch = (line: WriterLine) => void (wanted(line) && seen.resolve(line));
    watchers.add(watch);
    lines.forEach(watch);
    const gone = exited.then(({ code, signal }) => {
      throw new Error(`expected the writer to say ${event}, got its end (${code ?? signal}): ${lastWords()}`);
    });
    try {
      return await within(
        Promise.race([seen.promise, gone]),
        () => `${event} of the writer (last: ${lastWords()})`,
      );
    } finally {
      watchers.delete(watch);
    }
  };
  const lastWords = () =>
    [...lines.slice(-2).map((line) => JSON.stringify(line)), ...errors.slice(0, 12)].join(' | ');
  const ready = waitForEvent('writer.ready');
  ready.catch(() => undefined); // a test that expects no start does not look at it
  exited.catch(() => undefined);
  return {
    pid,
    startedAtMs,
    lines,
    errors,
    ready,
    exited,
    get isRunning() {
      return isRunning(child);
    },
    waitForEvent,
    signal: (name) => void child.kill(name),
    kill: () => killChild(child, exited),
    stop: async () => {
      const askedAt = performance.now();
      child.kill('SIGTERM');
      const exit = await within(
        exited,
        () => `the writer to end after SIGTERM (last: ${lastWords()})`,
        patienceMs,
      );
      return { ...exit, afterMs: performance.now() - askedAt };
    },
  };
}

/** The writer refuses names it does not know; what the machine has set for its own fleet is none of a test's business. */
function withoutOurVariables(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('FILEFLEET_')));
}
