// What a group transaction knows of the writer that runs it.

import type { Clock } from './clock.ts';

/**
 * What a test may take out to see its rig go red. `synchronous` is found by the assertion at the start; `fsync-commit` is
 * taken out behind its back, so that a power cut can show what it is for.
 */
export type Protection =
  | 'ledger'
  | 'epoch'
  | 'synchronous'
  | 'fsync-commit'
  | 'fsync-file'
  | 'fsync-directory'
  | 'sweep-recheck'
  | 'unique-names';

/** Protections taken out; a wider set than the store's own will do. */
export type Without = Pick<ReadonlySet<Protection>, 'has'>;

export interface Tenure {
  readonly epoch: number;
  readonly schemaVersion: string;
  readonly clock: Clock;
  /** Called at named steps; tests let the process die there. */
  readonly probe?: (step: string) => void;
  readonly without?: ReadonlySet<Protection>;
  /** Bounds the time of a slice, in milliseconds; the process's own clock when left out. */
  readonly monotonic?: () => number;
}
