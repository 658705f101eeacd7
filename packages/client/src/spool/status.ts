// What a spool holds, in numbers.

import type { SpoolSlot } from './slot.ts';
import type { Spool } from './spool.ts';

export interface SpoolStatus {
  /** The folder that takes this client's operations. */
  readonly folder: string;
  /** Operations that are not settled. */
  readonly entries: number;
  /** Bytes on the disk, or about to be. */
  readonly bytes: number;
  /** Beyond it operations fail with SPOOL_FULL. */
  readonly maxBytes: number;
  /** When the oldest of them was called, in milliseconds since 1970; undefined when there is none. */
  readonly oldestAtMs: number | undefined;
  readonly states: {
    /** Being written; not accepted yet. */
    readonly spooling: number;
    /** On the disk, and not in Redis yet. */
    readonly waiting: number;
    /** On the disk and in Redis; the receipt is missing. */
    readonly handed: number;
  };
  /** What the writer refused, and what the disk spoilt. The oldest go when it gets too much. */
  readonly refused: { readonly entries: number; readonly bytes: number };
  /** What other processes left in the shared folder and this client hands over. */
  readonly adopted: { readonly folders: number; readonly entries: number };
}

/** @param isHanded whether Redis has, or may have, the operation. */
export function statusOf(
  spool: Spool,
  adopted: readonly Spool[],
  isHanded: (operationId: string) => boolean,
): SpoolStatus {
  const slots = [...spool.slots];
  const kept = slots.filter(({ state }) => state === 'kept');
  const handed = kept.filter(({ facts }) => isHanded(facts.operationId)).length;
  return {
    folder: spool.folder,
    entries: slots.length,
    bytes: spool.bytes,
    maxBytes: spool.maxBytes,
    oldestAtMs: oldest(slots),
    states: { spooling: slots.length - kept.length, waiting: kept.length - handed, handed },
    refused: spool.refused,
    adopted: {
      folders: adopted.length,
      entries: adopted.reduce((sum, { slots: theirs }) => sum + theirs.size, 0),
    },
  };
}

function oldest(slots: readonly SpoolSlot[]): number | undefined {
  return slots.reduce<number | undefined>(
    (found, { acceptedAtMs }) => Math.min(found ?? acceptedAtMs, acceptedAtMs),
    undefined,
  );
}
