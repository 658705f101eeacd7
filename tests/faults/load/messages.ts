// What the rig and a producer's process say to each other.

import type { LoadOptions } from './calls.ts';
import type { Call } from './journal.ts';

export interface ProducerOptions extends LoadOptions {
  readonly redisUrl: string;
  readonly journalPath: string;
  /** Stores of a process that was killed, which this one asks for again under the same operation ids. */
  readonly askAgain: readonly Call[];
}

export type ToProducer =
  /** Make this many calls, at once and without waiting for any. */
  | { readonly kind: 'burst'; readonly calls: number }
  /** Make exactly these calls. */
  | { readonly kind: 'calls'; readonly calls: readonly Call[] }
  /** Say when all that was called has ended. */
  | { readonly kind: 'drain' };

export type FromProducer = { readonly kind: 'ready' } | { readonly kind: 'drained' };
