// One look at the whole fleet, again and again: Redis with writer and queue, the store, its disk, the backups. What is away
// is told in its place and does not hide the rest; each part answers within a bounded time.

import { stat, statfs } from 'node:fs/promises';
import type { Config } from '@filefleet/config';
import {
  type CareFacts,
  databasePath,
  type ListedBackup,
  listBackups,
  openReader,
  type StoreReader,
  type StoreStatistics,
} from '@filefleet/store';
import { describeError, type ErrorReport } from '../../errors.ts';
import { requireFleetRedis } from '../../run-file.ts';
import { RedisEye, type RedisView } from '../redis-view.ts';

export type Part<T> = { readonly here: T } | { readonly away: ErrorReport };

export interface StoreView {
  readonly statistics: StoreStatistics;
  readonly care: CareFacts;
}

export interface FleetLook {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly redis: Part<RedisView>;
  readonly store: Part<StoreView>;
  /** Undefined while there is no data folder. */
  readonly disk: { readonly freeBytes: number; readonly totalBytes: number } | undefined;
  readonly backups: Part<readonly ListedBackup[]>;
}

const dayMs = 86_400_000;
/** Backups are folders with manifests: reading them each second would be much for what hardly changes. */
const backupsEveryMs = 30_000;

export class FleetEye {
  readonly #config: Config;
  #redis: RedisEye | undefined;
  #reader: { readonly open: StoreReader; readonly identity: string } | undefined;
  #backups: { readonly atMs: number; readonly part: Part<readonly ListedBackup[]> } | undefined;

  constructor(config: Config) {
    this.#config = config;
  }

  /** @param atMs wall clock in milliseconds. Never throws for what is away. */
  async look(atMs: number): Promise<FleetLook> {
    const { dataDir } = this.#config;
    const [redis, store, disk, backups] = await Promise.all([
      partOf(() => this.#lookAtRedis()),
      partOf(() => this.#lookAtStore(atMs)),
      measure(dataDir),
      this.#lookAtBackups(atMs),
    ]);
    return { atMs, redis, store, disk, backups };
  }

  /** Closing twice does no harm. */
  close(): void {
    this.#redis?.close();
    this.#reader?.open.close();
    this.#reader = undefined;
  }

  #lookAtRedis(): Promise<RedisView> {
    const { shard } = this.#config;
    const url = requireFleetRedis(this.#config);
    if (this.#redis?.url !== url) {
      this.#redis?.close();
      this.#redis = new RedisEye(url, shard);
    }
    return this.#redis.look();
  }

  /** Anew when another database stands there: a restore while somebody watches. */
  async #lookAtStore(atMs: number): Promise<StoreView> {
    const { dataDir } = this.#config;
    const identity = await identityOf(databasePath(dataDir));
    if (this.#reader?.identity !== identity) {
      this.#reader?.open.close();
      this.#reader = undefined;
      this.#reader = { open: openReader({ dataDir }), identity };
    }
    const { open } = this.#reader;
    return { statistics: open.getStatistics(), care: open.care.getFacts(atMs - dayMs) };
  }

  async #lookAtBackups(atMs: number): Promise<Part<readonly ListedBackup[]>> {
    const known = this.#backups;
    if (known && atMs - known.atMs < backupsEveryMs) return known.part;
    const part = await partOf(() => listBackups(this.#config.backupDir));
    this.#backups = { atMs, part };
    return part;
  }
}

async function partOf<T>(read: () => T | Promise<T>): Promise<Part<T>> {
  try {
    return { here: await read() };
  } catch (error) {
    return { away: describeError(error) };
  }
}

async function identityOf(path: string): Promise<string> {
  const facts = await stat(path, { bigint: true }).catch(() => undefined);
  return facts ? `${facts.dev}:${facts.ino}` : '';
}

async function measure(folder: string): Promise<FleetLook['disk']> {
  const facts = await statfs(folder).catch(() => undefined);
  return facts && { freeBytes: facts.bavail * facts.bsize, totalBytes: facts.blocks * facts.bsize };
}
