// The fleet of one machine as one thing: redis, writer and dashboard, brought up in this order and stopped in the other.
// It knows nothing of signals and terminals; start.ts does.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '@filefleet/config';
import { CliError } from '../errors.ts';
import { removeRunFile, writeRunFile } from '../run-file.ts';
import { Child, type ChildSpec } from './child.ts';
import { type DashboardLogin, loadDashboardLogin } from './credentials.ts';
import { forgetInstance } from './leftover-redis.ts';
import { choosePort } from './ports.ts';
import { dashboardSpec, writerSpec } from './programs.ts';
import { type PrivateRedis, preparePrivateRedis } from './redis.ts';
import { acquireStartLock } from './start-lock.ts';

export interface FleetFacts {
  readonly dataDir: string;
  readonly redisUrl: string;
  /** True: the Redis was started by us. */
  readonly privateRedis: boolean;
  readonly dashboardUrl: string;
  /** Undefined: FILEFLEET_DASHBOARD_USERS or its file says who may log in. */
  readonly login: Pick<DashboardLogin, 'user' | 'password'> | undefined;
}

export interface FleetListener {
  onLine(name: string, line: string): void;
  onNews(name: string, news: string): void;
}

export class Fleet {
  readonly #config: Config;
  readonly #env: NodeJS.ProcessEnv;
  readonly #listener: FleetListener;
  readonly #children: Child[] = [];
  readonly #failed = Promise.withResolvers<CliError>();
  #lock: { release(): void } | undefined;
  #redisFolder: string | undefined;
  #stopped: Promise<void> | undefined;

  constructor(config: Config, env: NodeJS.ProcessEnv, listener: FleetListener) {
    this.#config = config;
    this.#env = env;
    this.#listener = listener;
  }

  /** Resolves when a child was given up; the fleet should be stopped then. */
  get failed(): Promise<CliError> {
    return this.#failed.promise;
  }

  /**
   * Brings everything up; resolves when all are ready.
   * @throws CliError LOCK_HELD, REDIS_MISSING, CHILD_FAILED. Call stop() also after a failure.
   */
  async start(nowMs: number): Promise<FleetFacts> {
    const { dataDir } = this.#config;
    makeDataDir(dataDir);
    this.#lock = acquireStartLock(dataDir, nowMs);
    const own = this.#config.redisUrl === undefined ? await this.#startRedis() : undefined;
    const redisUrl = this.#config.redisUrl ?? own?.url ?? '';
    const env = {
      NODE_COMPILE_CACHE: join(dataDir, 'compile-cache'), // the next start takes half the time
      ...this.#env,
      FILEFLEET_REDIS_URL: redisUrl,
      FILEFLEET_DATA_DIR: dataDir,
    };
    await this.#startChild(writerSpec(env, this.#config.stopTimeoutMs));
    const { url, login } = await this.#startDashboard(env);
    const startedAt = new Date(nowMs).toISOString();
    if (!this.#stopped) writeRunFile(dataDir, { redisUrl, dashboardUrl: url, pid: process.pid, startedAt });
    return { dataDir, redisUrl, privateRedis: own !== undefined, dashboardUrl: url, login };
  }

  /** Stops what was started, the last first. May be called at any time, and twice. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stopAll();
    return this.#stopped;
  }

  /** Kills what is left, at once. */
  kill(): void {
    for (const child of this.#children) child.kill();
  }

  async #stopAll(): Promise<void> {
    if (!this.#lock) return;
    for (const child of this.#children.toReversed()) await child.stop();
    if (this.#redisFolder) forgetInstance(this.#redisFolder);
    removeRunFile(this.#config.dataDir);
    this.#lock.release();
  }

  async #startRedis(): Promise<PrivateRedis> {
    const redis = await preparePrivateRedis(this.#config.dataDir, this.#config.redisPort, this.#env);
    if (redis.stoppedLeftover !== undefined) {
      this.#listener.onNews(
        'redis',
        `stopped the one that an earlier start left behind (pid ${redis.stoppedLeftover})`,
      );
    }
    this.#tellOfOtherPort('redis', this.#config.redisPort, Number(new URL(redis.url).port));
    this.#redisFolder = redis.folder;
    await this.#startChild(redis.spec);
    return redis;
  }

  async #startDashboard(env: NodeJS.ProcessEnv): Promise<{ url: string; login: FleetFacts['login'] }> {
    const { dataDir, dashboardHost, dashboardPort, dashboardUsers, dashboardUsersFile } = this.#config;
    const login = dashboardUsers || dashboardUsersFile ? undefined : await loadDashboardLogin(dataDir);
    // Chosen here, so that a dashboard that is started again is found where it was.
    const port = await choosePort(dashboardHost, dashboardPort);
    this.#tellOfOtherPort('dashboard', dashboardPort, port);
    let url = `http://${dashboardHost}:${port}`;
    const dashboardEnv = { ...env, ...login?.env, FILEFLEET_DASHBOARD_PORT: String(port) };
    await this.#startChild(
      dashboardSpec(dashboardEnv, (saidUrl) => {
        url = saidUrl;
      }),
    );
    return { url, login: login && { user: login.user, password: login.password } };
  }

  #tellOfOtherPort(name: string, wanted: number, taken: number): void {
    if (wanted !== 0 && wanted !== taken)
      this.#listener.onNews(name, `port ${wanted} is in use; taking ${taken}`);
  }

  async #startChild(spec: ChildSpec): Promise<void> {
    if (this.#stopped) throw new CliError('INTERRUPTED', 'failed', 'the fleet was stopped while it started');
    const child = new Child(spec, {
      onLine: (name, line) => this.#listener.onLine(name, line),
      onNews: (name, news) => this.#listener.onNews(name, news),
      onGivenUp: (error) => this.#failed.resolve(error),
    });
    this.#children.push(child);
    await child.start();
  }
}

function makeDataDir(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o750 });
  } catch (cause) {
    const message = `expected ${dataDir} to be a folder, or one that can be made, got ${(cause as Error).message}; set FILEFLEET_DATA_DIR to a folder of your own`;
    throw new CliError('TARGET_FAILED', 'configuration', message, { cause });
  }
}
