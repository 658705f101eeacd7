// What the stages of a client share, and what is known of staged bytes.

import type { RedisKeys } from '@filefleet/protocol';
import type { Clock } from './clock.ts';
import type { Gate } from './gate.ts';
import type { RedisLink } from './redis-link.ts';
import type { Reservations } from './reservations.ts';

/** What all stages of a client share. */
export interface StagingPlace {
  readonly link: RedisLink;
  readonly keys: RedisKeys;
  readonly clock: Clock;
  readonly reservations: Reservations;
  /** Bytes under way to Redis, of all operations together. */
  readonly bytesUnderWay: Gate;
}

export interface Progress {
  /** Bytes that Redis has taken so far. */
  readonly stagedBytes: number;
  /** Bytes in all, where known beforehand: not for streams. */
  readonly totalBytes: number | undefined;
}

export interface StageOptions {
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** Whether the writer may be asked first if it holds the bytes, so that only the operation travels. */
  readonly mayBeKnown?: boolean;
}

export interface Staged {
  /** `known`: the writer is believed to hold the bytes; nothing is in Redis. */
  readonly from: 'staged' | 'known';
  readonly digest: string;
  readonly size: number;
  readonly chunks: number;
}
