// A content whose bytes are not what its digest says. Once marked it counts as not held, until the same bytes come again.

import { markBlobDamaged } from '../blob-rows.ts';
import { auditSlice, type SliceMoment } from './moment.ts';
import type { SliceRequest } from './slice.ts';

type DamagedRequest = Extract<SliceRequest, { kind: 'damaged' }>;

/** Marks it, if its row is still the one that was looked at: `rows` of the slice is 1 then, else 0. */
export function markDamaged(moment: SliceMoment, request: DamagedRequest): boolean {
  const { blobId, digest, reason, name } = request;
  if (!markBlobDamaged(moment.db, { blobId, digest, name }, reason, moment.nowMs)) return false;
  moment.budget.take();
  auditSlice(moment, { action: 'blob-damaged', actor: 'scrub', details: { digest, reason } });
  return false;
}
