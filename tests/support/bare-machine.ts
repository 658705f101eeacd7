// A Debian container with nothing of ours: no Node 24, no node_modules, no Redis. What this machine needs to reach package
// registries (a proxy, a certificate of its own) is handed on from outside.

import { existsSync } from 'node:fs';
import {
  type CommandOptions,
  type CommandResult,
  docker,
  runCommand,
  tryCommand,
  uniqueName,
} from './container-engine.ts';

const image = 'debian:bookworm-slim';
const caInside = '/etc/ssl/certs/of-the-host.crt';

export interface BareMachine {
  /** Runs a shell script as a user; it has to succeed. @returns what it printed. */
  sh(user: string, text: string, timeoutMs?: number): Promise<string>;
  /** Runs one command in a folder as a user, whatever its exit code. */
  exec(
    at: { readonly user: string; readonly folder: string },
    command: readonly string[],
    options?: CommandOptions,
  ): Promise<CommandResult>;
  /** Puts the last commit of this project, and nothing else, into a folder that is the user's own. */
  copyProject(user: string, folder: string): Promise<void>;
  /** Command lines of what runs, without this container's own first process and without zombies. */
  processes(): Promise<string[]>;
  remove(): Promise<void>;
}

/** Starts the container; it ends by itself after an hour if nobody does it before. */
export async function startBareMachine(): Promise<BareMachine> {
  const name = uniqueName('bare');
  await docker('run', '--detach', '--init', '--name', name, ...handedOn(), image, 'sleep', '3600');
  const inside = (user: string, flags: readonly string[] = []) =>
    ['docker', 'exec', '-i', '--user', user, ...flags, name] as const;
  const sh: BareMachine['sh'] = async (user, text, timeoutMs = 60_000) =>
    (await runCommand([...inside(user), 'sh', '-eu'], { input: text, timeoutMs })).toString();
  return {
    sh,
    exec: ({ user, folder }, command, options) =>
      tryCommand([...inside(user, ['--workdir', folder]), ...command], options),
    copyProject: async (user, folder) => {
      const archive = await runCommand(['git', 'archive', '--format=tar', 'HEAD']);
      await sh('root', `mkdir -p ${folder}`);
      await runCommand([...inside('root'), 'tar', '-x', '-C', folder], { input: archive });
      await sh('root', `chown -R ${user}: ${folder}`);
    },
    processes: async () => {
      const list = await sh('root', 'ps -e -o stat=,args= --no-headers');
      return list
        .split('\n')
        .filter((line) => line.trim() !== '' && !/^Z|docker-init|sleep 3600|ps -e|sh -eu/.test(line.trim()));
    },
    remove: async () => {
      // Thousands of small files: a busy machine takes its time.
      await runCommand(['docker', 'rm', '--force', '--volumes', name], { timeoutMs: 180_000 });
    },
  };
}

/** Settings of this machine's network that are files or variables, as arguments of `docker run`. */
function handedOn(): string[] {
  const proxies = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];
  const args = proxies.filter((name) => process.env[name]).flatMap((name) => ['--env', name]);
  const ca = process.env.NODE_EXTRA_CA_CERTS;
  if (!ca || !existsSync(ca)) return args;
  return [
    ...args,
    `--volume=${ca}:${caInside}:ro`,
    `--env=NODE_EXTRA_CA_CERTS=${caInside}`,
    `--env=NPM_CONFIG_CAFILE=${caInside}`,
  ];
}
