// What a caller may say about the spool, and what it means.

import type { Clock } from '../clock.ts';
import { ClientError } from '../errors.ts';

const KiB = 1024;

/** Bytes of a spool folder unless given: an hour of a busy agent, and nothing that a disk notices. */
const defaultMaxBytes = 1024 * KiB * KiB;

/** Called at named steps. @throws Error to play a disk that fails. */
export type SpoolProbe = (step: string) => void;

/** What a test can take out, to see that it is missed. */
export type SpoolProtection = 'replay' | 'numbers' | 'fsync-batch' | 'fsync-content';

export interface SpoolSettings {
  readonly maxBytes: number;
  readonly vm: string;
  readonly shard: number;
  readonly clock: Clock;
  readonly probe: SpoolProbe;
  readonly without: ReadonlySet<SpoolProtection>;
}

export interface SpoolOptions {
  /** The folder; made when it is not there. On a local disk: its lock and its fsync must be real. */
  readonly dir: string;
  /** Bytes of operations and content that it may hold; 1 GiB unless given. Refused ones have a quarter of it on top. */
  readonly maxBytes?: number;
  /** Several processes may use the folder: each gets a sub-folder, and free ones are handed over by whoever comes. */
  readonly shared?: boolean;
  /** For tests: called at named steps. */
  readonly probe?: SpoolProbe;
  /** For tests: what to leave out, to see that it is missed. */
  readonly without?: readonly SpoolProtection[];
}

/** @throws ClientError INVALID */
export function spoolSettings(
  { maxBytes = defaultMaxBytes, probe = () => {}, without = [] }: SpoolOptions,
  { vm, shard, clock }: { vm: string; shard: number; clock: Clock },
): SpoolSettings {
  if (!Number.isSafeInteger(maxBytes) || maxBytes < KiB) {
    throw new ClientError(
      'INVALID',
      `expected spool.maxBytes to be a whole number of at least ${KiB}, got ${maxBytes}`,
      { field: 'spool.maxBytes' },
    );
  }
  return { maxBytes, vm, shard, clock, probe, without: new Set(without) };
}
