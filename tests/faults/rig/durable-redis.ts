// A Redis that can be killed and come back on its port: with its append-only file, without the end of it, or empty.

import { mkdir, readdir, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startRedis, type TestRedis } from '../../support/redis.ts';

export type Keeps = 'all' | 'most' | 'nothing';

/** What a failover loses: the end of the log, in bytes. */
const lostBytes = 20_000;

export class DurableRedis {
  readonly #folder: string;
  #redis: TestRedis;

  static async start(folder: string): Promise<DurableRedis> {
    await mkdir(folder, { recursive: true });
    return new DurableRedis(folder, await launch(folder));
  }

  private constructor(folder: string, redis: TestRedis) {
    this.#folder = folder;
    this.#redis = redis;
  }

  get url(): string {
    return this.#redis.url;
  }

  get pid(): number {
    return this.#redis.pid;
  }

  /** SIGKILL, and back after so many milliseconds. */
  async crash(keeps: Keeps, awayMs = 0): Promise<void> {
    const { port } = this.#redis;
    await this.#redis.stop();
    if (keeps === 'nothing') await rm(this.#folder, { recursive: true });
    if (keeps === 'most') await this.#loseTheEnd();
    await mkdir(this.#folder, { recursive: true });
    await pause(awayMs);
    this.#redis = await launch(this.#folder, port);
  }

  /** It hangs: connections stay open, nothing is answered. */
  pause(): void {
    this.#redis.pause();
  }

  resume(): void {
    this.#redis.resume();
  }

  /** Harmless when it is down. */
  stop(): Promise<void> {
    return this.#redis.stop();
  }

  async #loseTheEnd(): Promise<void> {
    const log = join(this.#folder, 'appendonlydir');
    for (const name of await readdir(log)) {
      if (!name.endsWith('.incr.aof')) continue;
      const { size } = await stat(join(log, name));
      await truncate(join(log, name), Math.max(0, size - lostBytes));
    }
  }
}

/** `everysec` is enough: the log reaches the page cache before a reply, and that survives the process. */
function launch(folder: string, port?: number): Promise<TestRedis> {
  const args = ['--dir', folder, '--appendonly', 'yes', '--appendfsync', 'everysec'];
  return startRedis({ ...(port === undefined ? {} : { port }), args });
}
