// Compares what producers were told with what is on the writer's disk: each accepted file once, with its bytes, in the
// order of calls of its session. What was called and never accepted may be there or not, but not out of its order.

import type { Evidence } from '../oracle/evidence.ts';
import type { Violation, ViolationKind } from '../oracle/violation.ts';
import type { SpoolCall, SpoolLine } from './journal.ts';

export interface SpoolVerdict {
  readonly calls: number;
  readonly accepted: number;
  readonly stored: number;
  readonly violations: readonly Violation[];
}

export function judge(lines: readonly SpoolLine[], evidence: Evidence): SpoolVerdict {
  const calls = lines.flatMap((line) => (line.kind === 'call' ? [line.call] : []));
  const accepted = new Set(lines.flatMap((line) => (line.kind === 'accepted' ? [line.operationId] : [])));
  const stored = new Map(evidence.files.map((file) => [file.fileId, file]));
  const violations: Violation[] = evidence.damage.map((text) => found('damaged', 'database', text));
  for (const line of lines) {
    if (line.kind === 'failed')
      violations.push(found('unsettled', line.operationId, `rejected: ${line.code}`));
  }
  for (const { operationId, digest, content } of calls) {
    const file = stored.get(operationId);
    const ledger = evidence.ledger.get(operationId);
    if (accepted.has(operationId) && !file) {
      const said = `accepted by the spool; the ledger has ${ledger?.receipt ?? 'nothing'}`;
      violations.push(found('row-missing', operationId, said));
    }
    if (!file) continue;
    const times = evidence.uploads.get(operationId) ?? 0;
    if (file.digest !== digest || file.size !== content.size) {
      violations.push(found('bytes-differ', operationId, `${file.digest}, ${file.size} bytes`));
    }
    if (ledger?.outcome !== 'applied') violations.push(found('receipt-lost', operationId, 'stored'));
    if (times !== 1) violations.push(found('applied-twice', operationId, `uploaded ${times} times`));
  }
  return {
    calls: calls.length,
    accepted: accepted.size,
    stored: stored.size,
    violations: [...violations, ...disorder(calls, evidence)],
  };
}

const found = (kind: ViolationKind, subject: string, detail: string): Violation => ({
  kind,
  subject,
  detail,
});

function disorder(calls: readonly SpoolCall[], { audit }: Evidence): Violation[] {
  const place = new Map(audit.map(({ operationId }, n) => [operationId, n]));
  const latest = new Map<string, number>();
  return calls.flatMap(({ operationId, sessionId }) => {
    const at = place.get(operationId);
    if (at === undefined) return [];
    const before = latest.get(sessionId) ?? -1;
    latest.set(sessionId, Math.max(before, at));
    return at < before ? [found('inversion', operationId, `in session ${sessionId}`)] : [];
  });
}
