// What the rig and its producers tell each other: the order given to a producer, and the lines of its journal.

import { existsSync, readFileSync } from 'node:fs';
import type { ClientOptions } from '@filefleet/client';
import type { ContentFacts } from '../load/content.ts';

type SpoolOptions = Exclude<ClientOptions['spool'], string | undefined>;
type SpoolProtection = NonNullable<SpoolOptions['without']>[number];

export interface ProducerOrder {
  readonly redisUrl: string;
  readonly folder: string;
  readonly journalPath: string;
  readonly seed: string;
  /** Stores to make. */
  readonly calls: number;
  /** Where it dies by its own hand. */
  readonly killAt?: { readonly step: string; readonly nth?: number };
  /** Protections that it does without. */
  readonly without: readonly SpoolProtection[];
}

export interface SpoolCall {
  readonly operationId: string;
  readonly sessionId: string;
  readonly digest: string;
  readonly content: ContentFacts;
  readonly isStreamed: boolean;
}

export type SpoolLine =
  | { readonly kind: 'call'; readonly call: SpoolCall }
  | { readonly kind: 'accepted'; readonly operationId: string }
  | { readonly kind: 'failed'; readonly operationId: string; readonly code: string };

/** All lines of all processes, in their order. A line that the kill tore in two is not counted. */
export function readSpoolJournal(path: string): SpoolLine[] {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  return text.split('\n').flatMap((line) => {
    try {
      return line === '' ? [] : [JSON.parse(line) as SpoolLine];
    } catch {
      return [];
    }
  });
}
