// A container whose PID 1 is systemd, with the project installed as apps/writer/systemd/README.md says. The script that
// starts it stands beside the project on machines that have one; the image it uses is made there too.

import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import {
  type CommandOptions,
  type CommandResult,
  docker,
  inspect,
  projectRoot,
  runCommand,
  tryCommand,
  uniqueName,
} from './container-engine.ts';
import { until } from './deadline.ts';

const script = join(projectRoot, '..', 'shared', 'docker', 'systemd-container.sh');
const unitFolder = '/opt/filefleet/apps/writer/systemd';
const bootMs = 60_000;

/** What `systemctl show` tells of a unit. */
export interface UnitState {
  readonly ActiveState: string;
  readonly Result: string;
  readonly MainPID: number;
  readonly ExecMainStatus: number;
  readonly NRestarts: number;
  readonly StatusText: string;
}

export interface SystemdMachine {
  /** Of the Redis inside, as this machine reaches it. */
  readonly redisUrl: string;
  /** Runs a shell script inside that has to succeed. @returns what it printed. */
  sh(text: string): Promise<string>;
  /** `systemctl ...`, whatever its exit code. */
  systemctl(...args: readonly string[]): Promise<CommandResult>;
  show(unit: string): Promise<UnitState>;
  /** Waits for a state of a unit. */
  untilUnit(unit: string, what: string, matches: (state: UnitState) => boolean): Promise<UnitState>;
  /** The unit's log of this boot: lines as the program wrote them. */
  log(unit: string): Promise<string[]>;
  /** Adds settings to the [Service] of a unit for as long as `act` takes, as an operator would with `systemctl edit`. */
  withSettings<T>(unit: string, settings: readonly string[], act: () => Promise<T>): Promise<T>;
  startRedis(): Promise<void>;
  stopRedis(): Promise<void>;
  remove(): Promise<void>;
}

/** Whether this machine can try unit files. */
export function canRunSystemd(): boolean {
  try {
    accessSync(script, constants.X_OK);
    return process.platform === 'linux' && process.getuid?.() === 0;
  } catch {
    return false;
  }
}

/** Boots, installs the units and starts a Redis; nothing of ours runs yet. */
export async function bootSystemdMachine(): Promise<SystemdMachine> {
  const name = uniqueName('systemd');
  const remove = async () => {
    await tryCommand(['docker', 'rm', '--force', '--volumes', name]);
  };
  try {
    await runCommand([script, 'up', name, `${projectRoot}:/opt/filefleet:ro`], { timeoutMs: bootMs });
    const machine = await describeMachine(name, remove);
    await machine.sh(install);
    await machine.startRedis();
    return machine;
  } catch (error) {
    await remove();
    throw error;
  }
}

// As README.md has it, but for the packages, which are there.
const install = `
cd ${unitFolder}
install -D -m 0644 filefleet.sysusers.conf /etc/sysusers.d/filefleet.conf && systemd-sysusers
install -D -m 0644 filefleet.tmpfiles.conf /etc/tmpfiles.d/filefleet.conf && systemd-tmpfiles --create filefleet.conf
install -D -m 0600 writer.env.example /etc/filefleet/writer.env
install -D -m 0600 dashboard.env.example /etc/filefleet/dashboard.env
sed -i 's|^FILEFLEET_REDIS_URL=.*|FILEFLEET_REDIS_URL=redis://127.0.0.1:6379|' /etc/filefleet/*.env
install -m 0644 filefleet-writer.service filefleet-dashboard.service /etc/systemd/system/
systemctl daemon-reload
`;

const redis = [
  'systemd-run --quiet --unit=test-redis',
  'redis-server --bind 0.0.0.0 --protected-mode no --dir /tmp --save "" --maxmemory-policy noeviction',
].join(' ');

async function describeMachine(name: string, remove: () => Promise<void>): Promise<SystemdMachine> {
  const address = await inspect(name, '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}');
  const inside = (command: readonly string[], options?: CommandOptions) =>
    tryCommand(['docker', 'exec', '-i', name, ...command], options);
  const sh = async (text: string) =>
    (await runCommand(['docker', 'exec', '-i', name, 'bash', '-eu'], { input: text })).toString();
  const show = async (unit: string) => {
    const names = 'ActiveState,Result,MainPID,ExecMainStatus,NRestarts,StatusText';
    return parseState(await docker('exec', name, 'systemctl', 'show', unit, `--property=${names}`));
  };
  return {
    redisUrl: `redis://${address}:6379`,
    sh,
    show,
    remove,
    systemctl: (...args) => inside(['systemctl', ...args]),
    untilUnit: (unit, what, matches) =>
      until(async () => {
        const state = await show(unit);
        return matches(state) ? state : undefined;
      }, `${unit} to be ${what}`),
    log: async (unit) => (await sh(`journalctl --unit=${unit} --output=cat --no-pager`)).split('\n'),
    withSettings: async (unit, settings, act) => {
      const folder = `/run/systemd/system/${unit}.service.d`;
      const lines = ['[Service]', ...settings].join('\n');
      await sh(
        `mkdir -p ${folder}\ncat > ${folder}/test.conf <<'END'\n${lines}\nEND\nsystemctl daemon-reload`,
      );
      try {
        return await act();
      } finally {
        await sh(`rm -r ${folder}\nsystemctl daemon-reload`);
      }
    },
    startRedis: async () => {
      await sh(`${redis}\nuntil redis-cli ping; do :; done`);
    },
    stopRedis: async () => {
      await sh('systemctl stop test-redis');
    },
  };
}

function parseState(text: string): UnitState {
  const facts = Object.fromEntries(text.split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2)));
  const { ActiveState = '', Result = '', StatusText = '' } = facts;
  const [MainPID, ExecMainStatus, NRestarts] = [facts.MainPID, facts.ExecMainStatus, facts.NRestarts].map(
    Number,
  ) as [number, number, number];
  return { ActiveState, Result, StatusText, MainPID, ExecMainStatus, NRestarts };
}
