// What a bench case is.

import type { Series } from './results.ts';
import type { Drained } from './rig/drain.ts';
import type { Program } from './rig/processes.ts';
import type { Sizes } from './sizes.ts';

export interface Context {
  readonly sizes: Sizes;
  /** No further round begins after this, on the clock of `performance.now()`. */
  readonly lastStart: number;
  /** Tells whoever waits what is going on. */
  readonly say: (text: string) => void;
}

export interface Case {
  readonly name: string;
  readonly what: string;
  run(context: Context): Promise<Series[]>;
  /** One run of one contestant ('ours' or a peer) with arguments for its Node; absent where there is nothing to profile. */
  profile?(context: Context, contestant: string, change: (program: Program) => Program): Promise<Drained>;
}
