// What a group transaction knows of the writer that runs it.

import type { Clock } from './clock.ts';

/** What a test may take out to see its rig go red. */
export type Protection = 'ledger' | 'epoch' | 'synchronous';

export interface Tenure {
  readonly epoch: number;
  readonly schemaVersion: string;
  readonly clock: Clock;
  /** Called at named steps; tests let the process die there. */
  readonly probe?: (step: string) => void;
  readonly without?: ReadonlySet<Protection>;
}
