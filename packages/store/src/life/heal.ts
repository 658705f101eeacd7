// Bytes that came again from elsewhere, a backup for one, for a content that is known to be damaged.

import { findBlob, healBlob } from '../blob-rows.ts';
import { auditSlice, type SliceMoment } from './moment.ts';
import type { SliceRequest } from './slice.ts';

type HealRequest = Extract<SliceRequest, { kind: 'heal' }>;

/** Heals it, if it is still damaged: `rows` of the slice is 1 then, else 0 and nobody names the bytes. */
export function healDamaged(moment: SliceMoment, { digest, content, from }: HealRequest): boolean {
  const blob = findBlob(moment.db, digest);
  if (!blob || blob.damage === null) return false;
  moment.budget.take();
  healBlob(moment.db, blob, content);
  const details = { digest, damage: blob.damage, from };
  auditSlice(moment, { action: 'blob-healed', actor: 'scrub', details });
  return false;
}
