// Users and tokens in force: read at the start, again when their files change, and when somebody asks (SIGHUP).

import { unwatchFile, watchFile } from 'node:fs';
import {
  ConfigError,
  type DashboardToken,
  type DashboardUser,
  parseDashboardTokens,
  parseDashboardUsers,
} from '@filefleet/config';
import type { Attention } from '@filefleet/protocol';
import { AccessFile } from './access-file.ts';
import type { Emit } from './events.ts';

export interface AccessConfig {
  readonly dashboardUsers: readonly DashboardUser[] | undefined;
  readonly dashboardUsersFile?: string | undefined;
  readonly dashboardTokens?: readonly DashboardToken[] | undefined;
  readonly dashboardTokensFile?: string | undefined;
}

/** A look at what the path leads to, not a watch on a folder: it sees renames, links, mounts and network disks alike. */
const lookMs = 500;

type ListName = 'users' | 'tokens';

/** A list that has a file. */
interface Filed {
  readonly list: ListName;
  readonly path: string;
  readonly file: AccessFile<DashboardUser> | AccessFile<DashboardToken>;
}

export class AccessLists {
  readonly #users: AccessFile<DashboardUser>;
  readonly #tokens: AccessFile<DashboardToken>;
  readonly #filed: readonly Filed[];
  readonly #emit: Emit;
  readonly #problems = new Map<ListName, string>();
  readonly #watches: (() => void)[] = [];
  #onChange: () => void = () => {};

  /** @throws ConfigError when a file cannot be read, or has a bad line: there is nothing older to keep. */
  constructor(config: AccessConfig, emit: Emit) {
    this.#emit = emit;
    const { dashboardUsersFile, dashboardTokensFile } = config;
    this.#users = new AccessFile(dashboardUsersFile, config.dashboardUsers ?? [], parseDashboardUsers);
    this.#tokens = new AccessFile(dashboardTokensFile, config.dashboardTokens ?? [], parseDashboardTokens);
    this.#filed = [
      ...(dashboardUsersFile
        ? [{ list: 'users', path: dashboardUsersFile, file: this.#users } as const]
        : []),
      ...(dashboardTokensFile
        ? [{ list: 'tokens', path: dashboardTokensFile, file: this.#tokens } as const]
        : []),
    ];
    const problems = this.#filed.flatMap(({ list, path, file }) => {
      const { problem } = file.read();
      return problem === undefined ? [] : [`${variableOf(list)}: expected ${problem}; mend ${path}`];
    });
    if (problems.length > 0) throw new ConfigError(problems);
  }

  get users(): readonly DashboardUser[] {
    return this.#users.entries;
  }

  get tokens(): readonly DashboardToken[] {
    return this.#tokens.entries;
  }

  /** Changes that are not in force, for people who look at the fleet. */
  get troubles(): readonly Attention[] {
    return [...this.#problems].map(([list, problem]) => ({
      level: 'slow',
      code: 'ACCESS_KEPT',
      what: `A change to the file of ${list} is not in force.`,
      advice: `Expected ${problem}. Those of before still get in, and nobody else; mend what ${variableOf(list)} names.`,
    }));
  }

  /** Looks at the files from now on. @param onChange told when others may come in than before. */
  watch(onChange: () => void): void {
    this.#onChange = onChange;
    for (const filed of this.#filed) {
      const look = () => this.#read(filed);
      watchFile(filed.path, { interval: lookMs, persistent: false }, look);
      this.#watches.push(() => unwatchFile(filed.path, look));
    }
    this.read(); // what changed since the first look
  }

  /** Looks at the files now. */
  read(): void {
    for (const filed of this.#filed) this.#read(filed);
  }

  close(): void {
    for (const end of this.#watches.splice(0)) end();
  }

  #read({ list, path, file }: Filed): void {
    const { problem, changed, wideMode } = file.read();
    if (wideMode !== undefined) this.#emit('access.wide', { list, path, mode: wideMode });
    if (problem !== undefined) {
      this.#problems.set(list, problem);
      this.#emit('access.kept', { list, path, reason: `expected ${problem}` });
      return;
    }
    const wasKept = this.#problems.delete(list);
    if (changed.length === 0 && !wasKept) return;
    this.#onChange();
    this.#emit('access.changed', { list, names: changed, entries: file.entries.length });
  }
}

const variableOf = (list: ListName): string => `FILEFLEET_DASHBOARD_${list.toUpperCase()}_FILE`;
