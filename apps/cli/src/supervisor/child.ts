// One child process that is kept alive: started, watched until ready, started again when it dies, stopped when asked.
// It lives in a session of its own, so that Ctrl-C in the terminal reaches only the supervisor, which knows the order.

import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { CliError } from '../errors.ts';
import { readEvent } from './log-lines.ts';
import { bindToParent } from './parent-death.ts';
import { decideAfterEnd, steadyAfterMs } from './restart-policy.ts';

export interface ChildSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** How long it may take to be ready, and to stop after SIGTERM, in milliseconds. */
  readonly readyWithinMs: number;
  readonly stopWithinMs: number;
  /** Called for each line of output: whether it says that the child is ready now. */
  readonly saysReady?: (line: string) => boolean;
  /** Asks from outside whether it is ready; for children that do not say it. */
  readonly waitReady?: (signal: AbortSignal) => Promise<void>;
  /** Called before each start, with the new process id after it. */
  readonly onSpawn?: (pid: number) => void;
}

export interface ChildListener {
  onLine(name: string, line: string): void;
  /** Something to tell the operator: it died, it is started again. */
  onNews(name: string, news: string): void;
  /** The child is given up. */
  onGivenUp(error: CliError): void;
}

/** Lines of output that are kept to explain an end. */
const keptLines = 6;
/** Stack frames crowd out the message that says what went wrong. */
const dullLine = /^\s+at |^Node\.js v|^\s*$/;

export class Child {
  readonly spec: ChildSpec;
  readonly #listener: ChildListener;
  readonly #ready = Promise.withResolvers<void>();
  #process: { readonly pid?: number | undefined; kill(signal: NodeJS.Signals): boolean } | undefined;
  #ended: Promise<void> = Promise.resolve();
  #stopping = false;
  #wasReady = false;
  #endsInRow = 0;
  #retry: NodeJS.Timeout | undefined;
  #lastLines: string[] = [];

  constructor(spec: ChildSpec, listener: ChildListener) {
    this.spec = spec;
    this.#listener = listener;
    this.#ready.promise.catch(() => {}); // told through onGivenUp too
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Resolves when the child is ready for the first time. @throws CliError CHILD_FAILED when it is given up. */
  start(): Promise<void> {
    if (this.#process === undefined && !this.#stopping) this.#spawn();
    return this.#ready.promise;
  }

  /** SIGTERM, then SIGKILL when the time is over; resolves when the process is gone. May be called twice. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#retry);
    this.#signal('SIGTERM');
    const force = setTimeout(() => {
      this.#listener.onNews(this.spec.name, `did not stop within ${this.spec.stopWithinMs} ms; killing it`);
      this.kill();
    }, this.spec.stopWithinMs);
    await this.#ended;
    clearTimeout(force);
    this.#ready.reject(
      new CliError('CHILD_FAILED', 'failed', `${this.spec.name} was stopped while starting`),
    );
  }

  /** SIGKILL, now; it is not started again. */
  kill(): void {
    this.#stopping = true;
    clearTimeout(this.#retry);
    this.#signal('SIGKILL');
  }

  #spawn(): void {
    const startedAtMs = performance.now();
    const [command, args] = bindToParent(this.spec.command, this.spec.args);
    const child = execa(command, args, {
      env: this.spec.env,
      extendEnv: false,
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
      buffer: false,
      reject: false,
      detached: true,
      cleanup: false,
    });
    this.#process = child;
    this.#lastLines = [];
    if (child.pid !== undefined) this.spec.onSpawn?.(child.pid);
    const attempt = new AbortController();
    for (const input of [child.stdout, child.stderr]) {
      createInterface({ input }).on('line', (line) => this.#takeLine(line));
    }
    const late = setTimeout(() => {
      this.#listener.onNews(this.spec.name, `was not ready within ${this.spec.readyWithinMs} ms; killing it`);
      this.#signal('SIGKILL');
    }, this.spec.readyWithinMs);
    attempt.signal.addEventListener('abort', () => clearTimeout(late));
    this.#attempt = attempt;
    this.spec.waitReady?.(attempt.signal).then(
      () => this.#becomeReady(attempt),
      () => {}, // the child ended first; that is told below
    );
    this.#ended = child.then((result) => {
      attempt.abort();
      this.#process = undefined;
      const livedMs = performance.now() - startedAtMs;
      this.#afterEnd(result.exitCode, result.signal ?? undefined, livedMs, result.originalMessage);
    });
  }

  #attempt = new AbortController();

  #takeLine(line: string): void {
    if (!dullLine.test(line)) this.#lastLines = [...this.#lastLines, line].slice(-keptLines);
    this.#listener.onLine(this.spec.name, line);
    if (this.spec.saysReady?.(line)) this.#becomeReady(this.#attempt);
  }

  #becomeReady(attempt: AbortController): void {
    if (attempt.signal.aborted) return;
    attempt.abort(); // ends the watch for being late
    if (this.#wasReady) this.#listener.onNews(this.spec.name, 'is back');
    this.#wasReady = true;
    this.#ready.resolve();
  }

  #afterEnd(
    exitCode: number | undefined,
    signal: string | undefined,
    livedMs: number,
    problem: string | undefined,
  ): void {
    if (this.#stopping) return;
    this.#endsInRow = livedMs >= steadyAfterMs ? 1 : this.#endsInRow + 1;
    const how = signal
      ? `by ${signal}`
      : exitCode === undefined
        ? `(${problem})`
        : `with exit code ${exitCode}`;
    const decision = decideAfterEnd({ exitCode, wasReady: this.#wasReady, endsInRow: this.#endsInRow });
    if (decision.action === 'restart') {
      this.#listener.onNews(this.spec.name, `ended ${how}; starting it again in ${decision.delayMs} ms`);
      this.#retry = setTimeout(() => this.#spawn(), decision.delayMs);
      return;
    }
    const error = new CliError(
      'CHILD_FAILED',
      decision.exitCode,
      `expected ${this.spec.name} to run, got its end ${how}; ${lastWords(this.#lastLines)}`,
      { facts: { child: this.spec.name, exitCode: exitCode ?? null } },
    );
    this.#ready.reject(error);
    this.#listener.onGivenUp(error);
  }

  #signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.#process?.kill(signal);
  }
}

/** What our own programs say when they fail is a sentence for people; of others, the lines are all there is. */
function lastWords(lines: readonly string[]): string {
  const failure = lines.map(readEvent).findLast((entry) => Number(entry?.level) >= 50);
  if (typeof failure?.message !== 'string') return `its last words:\n${lines.join('\n')}`;
  return [failure.code, failure.message].filter((part) => typeof part === 'string').join(': ');
}
