// What the page of the storage shows, each part by itself: what cannot be read is said in its place.

import { redisKeys } from '@filefleet/protocol';
import {
  type CareFacts,
  type ListedBackup,
  listBackups,
  type RetentionFacts,
  type StoreReader,
  type StoreStatistics,
} from '@filefleet/store';
import type { Redis } from 'ioredis';
import { within } from '../deadline.ts';
import type { SurveyResult } from './survey.ts';

/** The end of the audit's chain as the writer wrote it down in Redis. */
export interface Anchor {
  readonly auditId: number;
  readonly atMs: number;
}

export interface StorageFacts {
  readonly statistics: StoreStatistics;
  readonly care: CareFacts;
  readonly retention: RetentionFacts | undefined;
  readonly survey: SurveyResult | undefined;
  /** Undefined: the folder cannot be read. */
  readonly backups: readonly ListedBackup[] | undefined;
  /** Undefined: Redis did not say; null: there is none. */
  readonly anchor: Anchor | null | undefined;
}

const dayMs = 86_400_000;
const anchorMs = 500;
/** Backups are folders with manifests: reading them for each viewer would be much for what hardly changes. */
const backupsForMs = 15_000;

export class BackupLook {
  readonly #folder: string;
  readonly #now: () => number;
  #known:
    | { readonly atMs: number; readonly backups: Promise<readonly ListedBackup[] | undefined> }
    | undefined;

  constructor(folder: string, now: () => number) {
    this.#folder = folder;
    this.#now = now;
  }

  /** Callers at the same time share one look. */
  read(): Promise<readonly ListedBackup[] | undefined> {
    const atMs = this.#now();
    if (!this.#known || Math.abs(atMs - this.#known.atMs) > backupsForMs) {
      this.#known = { atMs, backups: listBackups(this.#folder).catch(() => undefined) };
    }
    return this.#known.backups;
  }
}

/** @throws StoreError while there is no store that can be read */
export async function readStorage(
  reader: StoreReader,
  survey: SurveyResult | undefined,
  { backups, redis, shard, nowMs }: { backups: BackupLook; redis: Redis; shard: number; nowMs: number },
): Promise<StorageFacts> {
  const facts = {
    statistics: reader.getStatistics(),
    care: reader.care.getFacts(nowMs - dayMs),
    retention: reader.getRetention(),
    survey,
  };
  const [listed, anchor] = await Promise.all([backups.read(), readAnchor(redis, shard)]);
  return { ...facts, backups: listed, anchor };
}

async function readAnchor(redis: Redis, shard: number): Promise<Anchor | null | undefined> {
  if (redis.status !== 'ready') return undefined;
  const asked = redis.lindex(redisKeys(shard).audit, 0).catch(() => undefined);
  const text = await within(anchorMs, asked);
  return typeof text === 'string' ? parseAnchor(text) : text;
}

/** Anybody who reaches Redis can write there. */
export function parseAnchor(text: string): Anchor | null {
  try {
    const { auditId, atMs } = JSON.parse(text) as Partial<Anchor>;
    const isWhole = Number.isSafeInteger(auditId) && Number.isSafeInteger(atMs);
    return isWhole ? { auditId: Number(auditId), atMs: Number(atMs) } : null;
  } catch {
    return null;
  }
}
