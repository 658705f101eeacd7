// The project's own docker-compose.yml, brought up under a name of the run's own and removed without a trace.

import { once } from 'node:events';
import { createServer } from 'node:net';
import {
  builderSettings,
  type CommandOptions,
  type CommandResult,
  findCompose,
  inspect,
  runCommand,
  tryCommand,
  uniqueName,
} from './container-engine.ts';

const buildMs = 280_000;

export interface ComposeFleet {
  readonly project: string;
  /** Where the dashboard is published. */
  readonly dashboardUrl: string;
  /** `docker compose ...`, whatever its exit code. */
  try(args: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** `docker compose ...` that has to succeed. */
  run(args: readonly string[], options?: CommandOptions): Promise<Buffer>;
  /** `filefleet ...` in a container of the agent's own. */
  filefleet(args: readonly string[], options?: CommandOptions): Promise<Buffer>;
  /** The id of a service's container, running or not. */
  container(service: string): Promise<string>;
  /** The exit code of a service's container. */
  exitCode(service: string): Promise<number>;
  /** Removes containers, networks, volumes and the images that were built. */
  remove(): Promise<void>;
}

/** @returns undefined where there is no Compose. Nothing runs yet. */
export async function createComposeFleet(
  env: Readonly<Record<string, string>>,
): Promise<ComposeFleet | undefined> {
  const command = await findCompose();
  if (!command) return undefined;
  const project = uniqueName('compose');
  const port = String(await freePort());
  const settings = { ...(await builderSettings()), FILEFLEET_DASHBOARD_PORT: port, ...env };
  const words = (args: readonly string[]) => [...command, '--project-name', project, ...args];
  const withSettings = (options: CommandOptions = {}) => ({
    timeoutMs: buildMs,
    ...options,
    env: { ...settings, ...options.env },
  });
  const run: ComposeFleet['run'] = (args, options) => runCommand(words(args), withSettings(options));
  const container = async (service: string) => {
    const { stdout } = await tryCommand([
      'docker',
      'ps',
      '--all',
      '--quiet',
      `--filter=label=com.docker.compose.project=${project}`,
      `--filter=label=com.docker.compose.service=${service}`,
      '--filter=label=com.docker.compose.oneoff=False',
    ]);
    return stdout.toString().trim();
  };
  return {
    project,
    dashboardUrl: `http://127.0.0.1:${port}`,
    try: (args, options) => tryCommand(words(args), withSettings(options)),
    run,
    filefleet: (args, options) => run(['run', '--rm', '-T', '--no-deps', 'agent', ...args], options),
    container,
    exitCode: async (service) => Number(await inspect(await container(service), '{{.State.ExitCode}}')),
    remove: async () => {
      await run(['--profile', 'agent', 'down', '--volumes', '--remove-orphans', '--rmi', 'local']);
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('expected a port from the system');
  return address.port;
}
