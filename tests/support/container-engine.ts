// The container engine, through its own command line: run a command, ask about a container, wait for a state. Names are
// unique to a run, so that whatever a test makes can be removed by its name.

import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { until } from './deadline.ts';

export const projectRoot = fileURLToPath(new URL('../../', import.meta.url)).replace(/\/$/, '');

/** How long one command may take unless it says otherwise, in milliseconds. */
const commandMs = 60_000;

export interface CommandOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

export interface CommandResult {
  readonly exitCode: number | undefined;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs a command of the engine to its end, whatever its exit code. */
export async function tryCommand(
  [program = '', ...args]: readonly string[],
  { input, env = {}, timeoutMs = commandMs }: CommandOptions = {},
): Promise<CommandResult> {
  const result = await execa(program, args, {
    cwd: projectRoot,
    env: { ...process.env, ...env },
    extendEnv: false,
    encoding: 'buffer',
    stripFinalNewline: false,
    reject: false,
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
  });
  const stderr = Buffer.from(result.stderr ?? '').toString();
  const reason = result.timedOut ? `\nended after ${timeoutMs} ms` : '';
  return { exitCode: result.exitCode, stdout: Buffer.from(result.stdout ?? ''), stderr: stderr + reason };
}

/** Runs a command that has to succeed. @returns what it wrote to standard output. */
export async function runCommand(command: readonly string[], options?: CommandOptions): Promise<Buffer> {
  const result = await tryCommand(command, options);
  if (result.exitCode === 0) return result.stdout;
  const said = `${result.stdout.toString().slice(-1_000)}\n${result.stderr.slice(-3_000)}`.trim();
  throw new Error(`expected "${command.join(' ')}" to succeed, got ${result.exitCode}:\n${said}`);
}

/** `docker ...`, as text. */
export async function docker(...args: readonly string[]): Promise<string> {
  return (await runCommand(['docker', ...args])).toString().trim();
}

/** Something about a container, image or volume, as a Go template says it. */
export function inspect(name: string, template: string): Promise<string> {
  return docker('inspect', '--format', template, name);
}

/** Waits until the container's health check says so. */
export async function untilHealthy(container: string, ms = 90_000): Promise<void> {
  await until(
    async () => (await inspect(container, '{{.State.Health.Status}}')) === 'healthy',
    `the container ${container} to be healthy`,
    ms,
  );
}

/** @returns false where no engine answers. */
export async function engineAnswers(): Promise<boolean> {
  const result = await tryCommand(['docker', 'info', '--format', '{{.ServerVersion}}'], {
    timeoutMs: 10_000,
  });
  return result.exitCode === 0 && result.stdout.length > 1;
}

/** Compose as it is here: the plugin, else the program of its first generation; undefined when neither is. */
export async function findCompose(): Promise<readonly string[] | undefined> {
  for (const command of [['docker', 'compose'], ['docker-compose']]) {
    if ((await tryCommand([...command, 'version'])).exitCode === 0) return command;
  }
  return undefined;
}

/** Without the newer builder, the older one has to be asked for. */
export async function builderSettings(): Promise<Record<string, string>> {
  const { exitCode } = await tryCommand(['docker', 'buildx', 'version']);
  return exitCode === 0 ? {} : { DOCKER_BUILDKIT: '0' };
}

/** A name that no other run uses. */
export function uniqueName(purpose: string): string {
  return `filefleet-test-${purpose}-${randomBytes(4).toString('hex')}`;
}
