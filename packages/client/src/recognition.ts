// Whether what is found or heard belongs to an operation that is under way.

import type { Receipt } from '@filefleet/protocol';
import type { Entry } from './entry.ts';

/** Whether it was sent and has not been answered yet. */
export function awaitsAnswer({ facts, sequence }: Entry): boolean {
  const phase = facts.lane.phase(sequence);
  return phase === 'sent' || phase === 'doubted';
}

/** An id that was used before for other bytes may bring the old receipt: it says nothing about these. */
export function isReceiptOf({ facts }: Entry, receipt: Receipt): boolean {
  if (receipt.outcome !== 'applied' || receipt.digest === undefined) return true;
  const staged = facts.stage?.staged;
  return staged === undefined || staged.digest === receipt.digest;
}

/** @param data of a job that bears its id. */
export function isJobOf(entry: Entry, data: unknown, ourProducer: string): boolean {
  if (typeof data !== 'object' || data === null) return false;
  const { producer, sequence } = data as { producer?: unknown; sequence?: unknown };
  const expected = entry.facts.ordered ? entry.sequence : undefined;
  return producer === ourProducer && sequence === expected;
}
