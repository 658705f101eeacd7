// A page of the audit for whoever asks: looks on, slice by slice, until there are enough entries or enough was looked at.

import { setImmediate as letOthersGo } from 'node:timers/promises';
import type { AuditEntry, AuditPageOptions, StoreReader } from '@filefleet/store';

export interface AuditPage {
  readonly entries: readonly AuditEntry[];
  /** Entries that were looked at. */
  readonly scanned: number;
  /** Only when there are entries that nobody has looked at yet. */
  readonly nextCursor?: string;
}

const scannedAtMost = 20_000;
const patienceMs = 500;

/** @throws StoreError CURSOR_INVALID, LIMIT_INVALID */
export async function readAudit(
  reader: StoreReader,
  options: AuditPageOptions & { readonly limit: number },
): Promise<AuditPage> {
  const endAtMs = performance.now() + patienceMs;
  const entries: AuditEntry[] = [];
  let scanned = 0;
  for (let place: { cursor?: string } = options.cursor === undefined ? {} : { cursor: options.cursor }; ; ) {
    const slice = reader.care.pageAudit({ ...options, ...place, limit: options.limit - entries.length });
    entries.push(...slice.entries);
    scanned += slice.scanned;
    if (slice.nextCursor === undefined) return { entries, scanned };
    const isEnough = entries.length >= options.limit || scanned >= scannedAtMost;
    if (isEnough || performance.now() >= endAtMs) return { entries, scanned, nextCursor: slice.nextCursor };
    place = { cursor: slice.nextCursor };
    await letOthersGo();
  }
}
