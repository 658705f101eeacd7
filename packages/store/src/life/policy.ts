// The spans in force. The configuration may lengthen them; whatever would make files go sooner needs a plan, so that
// nobody loses files to a line in a configuration file without having seen which.

import type { Database } from 'better-sqlite3';
import { getRetention, type RetentionFacts } from '../queries/sessions.ts';
import { run } from '../statements.ts';
import { auditSlice, type SliceMoment } from './moment.ts';
import type { RetentionPolicy } from './slice.ts';

export type PolicyInForce = RetentionFacts;

export function policyInForce(db: Database): PolicyInForce {
  const policy = getRetention(db);
  if (!policy) throw new TypeError('expected retention_policy to have its one row, got none');
  return policy;
}

export function writePolicy(db: Database, policy: RetentionPolicy, nowMs: number): void {
  run(
    db,
    `UPDATE retention_policy SET soft_after_ms = ?, purge_after_ms = ?, idle_after_ms = ?, space_bytes = ?,
       changed_at_ms = ? WHERE id = 1`,
    policy.softAfterMs,
    policy.purgeAfterMs,
    policy.idleAfterMs,
    policy.spaceBytes,
    // Zero means 'never set', also on a clock that stands at zero.
    Math.max(1, nowMs),
  );
}

const spans = ['softAfterMs', 'purgeAfterMs', 'idleAfterMs', 'spaceBytes'] as const;

/** Pure: of each limit the one that keeps files longer. No limit keeps them longest. */
export function longerPolicy(inForce: RetentionPolicy, configured: RetentionPolicy): RetentionPolicy {
  const longest = (a: number, b: number) => Math.max(a, b);
  const orNone = (a: number | null, b: number | null) => (a === null || b === null ? null : Math.max(a, b));
  return {
    softAfterMs: longest(inForce.softAfterMs, configured.softAfterMs),
    purgeAfterMs: longest(inForce.purgeAfterMs, configured.purgeAfterMs),
    idleAfterMs: orNone(inForce.idleAfterMs, configured.idleAfterMs),
    spaceBytes: orNone(inForce.spaceBytes, configured.spaceBytes),
  };
}

const isSame = (a: RetentionPolicy, b: RetentionPolicy): boolean =>
  spans.every((span) => a[span] === b[span]);

/**
 * The first configuration counts whole; later ones only where they keep files longer. What a configuration says nothing
 * about stays as it is: else a default would undo at the next start what an operator set through a plan.
 */
export function takeOverPolicy(moment: SliceMoment, given: Partial<RetentionPolicy>): boolean {
  moment.budget.take();
  const { changedAtMs, ...before } = policyInForce(moment.db);
  const isFirst = changedAtMs === 0;
  const configured = { ...before, ...given };
  const inForce = isFirst ? configured : longerPolicy(before, configured);
  if (isFirst || !isSame(inForce, before)) writePolicy(moment.db, inForce, moment.nowMs);
  if (!isSame(inForce, before)) {
    const details = { before, inForce };
    auditSlice(moment, { action: 'retention-policy', actor: 'configuration', details });
  }
  if (!isSame(inForce, configured)) moment.events.push({ event: 'policy.kept', inForce, configured: given });
  return false;
}
