// What a look says to the judgement that dashboard and command line share.

import { type FleetFacts, isWriterAlive } from '@filefleet/protocol';
import type { ListedBackup } from '@filefleet/store';
import type { FleetLook } from './eye.ts';

/** Pure. */
export function factsOf(look: FleetLook): FleetFacts {
  const { atMs: nowMs, disk } = look;
  const redis = 'here' in look.redis ? look.redis.here : undefined;
  const backup = 'here' in look.backups ? newestBackup(look.backups.here) : undefined;
  return {
    nowMs,
    redis: redis ? { up: true, usedBytes: redis.usedBytes, maxBytes: redis.maxBytes } : { up: false },
    ...(redis?.writer && { writer: redis.writer }),
    ...(redis && { queue: redis.queue }),
    ...(disk && { disk }),
    store: storeFacts(look.store),
    ...(backup !== undefined && { backup }),
  };
}

function storeFacts(store: FleetLook['store']): NonNullable<FleetFacts['store']> {
  if ('away' in store) return { problem: asSentence(`${store.away.code}: ${store.away.message}`) };
  const { damagedContents, refused, quarantined } = store.here.care;
  return { damagedContents, recentlyRefused: refused, recentlyQuarantined: quarantined };
}

/** The newest that can be read; null: there is none. */
export function newestBackup(backups: readonly ListedBackup[]): NonNullable<FleetFacts['backup']> | null {
  const newest = backups.findLast(({ manifest }) => manifest !== undefined);
  if (!newest?.manifest) return null;
  const { verdict } = newest;
  const madeAtMs = Date.parse(newest.manifest.createdAt);
  return verdict
    ? { madeAtMs, verified: { ok: verdict.ok, atMs: Date.parse(verdict.verifiedAt) } }
    : { madeAtMs };
}

/** Pure: whether the writer of a look is there. */
export function isAlive({ redis, atMs }: FleetLook): boolean {
  return 'here' in redis && isWriterAlive(redis.here.writer, atMs);
}

const asSentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);
