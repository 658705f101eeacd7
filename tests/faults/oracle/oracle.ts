// The oracle: what was called and acknowledged (the producers' journals) against what is on the disk. It knows the
// promises, not the code: it reads with its own SQL, and replays with its own rules.

import type { Call, Journal } from '../load/journal.ts';
import { checkOrder, checkOutcomes, checkReceipts, checkSequences, checkSettled } from './check-calls.ts';
import { checkBytes, checkFiles } from './check-files.ts';
import type { Evidence } from './evidence.ts';
import { type ExpectedFile, replay } from './replay.ts';
import type { Violation } from './violation.ts';

export interface Verdict {
  /** Calls, receipts and rows that were looked at. */
  readonly checked: { readonly calls: number; readonly receipts: number; readonly files: number };
  readonly violations: readonly Violation[];
}

/**
 * @param survivors names of the producers that were not killed: all that they called must have ended.
 */
export function consult(
  journals: readonly Journal[],
  evidence: Evidence,
  survivors: ReadonlySet<string>,
): Verdict {
  const isSettled = (operationId: string): boolean => evidence.ledger.has(operationId);
  const traces = countTraces(evidence);
  const files = new Map<string, ExpectedFile>();
  const found: Violation[] = [];
  for (const journal of journals) {
    const replayed = replay(journal.calls, isSettled);
    for (const [fileId, file] of replayed.files) files.set(fileId, file);
    found.push(
      ...checkReceipts(journal, evidence),
      ...checkOutcomes(journal.calls, replayed, evidence, traces),
      ...checkOrder(journal, evidence),
      ...(survivors.has(journal.producer) ? checkSettled(journal) : []),
    );
  }
  const calls = new Map(journals.flatMap((journal) => journal.calls).map((call) => [call.operationId, call]));
  found.push(
    ...checkSequences(journals, evidence),
    ...checkFiles(files, evidence),
    ...checkBytes(evidence),
    ...unexplained(calls, evidence),
    ...evidence.damage.map((detail): Violation => ({ kind: 'damaged', subject: 'database', detail })),
  );
  const endings = journals.flatMap((journal) => [...journal.endings.values()]);
  const receipts = endings.filter((ending) => ending.kind === 'receipt').length;
  return {
    checked: { calls: calls.size, receipts, files: evidence.files.length },
    violations: distinct(found),
  };
}

function countTraces({ audit }: Evidence): Map<string, number> {
  const traces = new Map<string, number>();
  for (const { operationId } of audit) {
    if (operationId !== null) traces.set(operationId, (traces.get(operationId) ?? 0) + 1);
  }
  return traces;
}

/** Ledger rows and audit entries of operations that nobody called, or that were never settled. */
function unexplained(calls: ReadonlyMap<string, Call>, { ledger, audit }: Evidence): Violation[] {
  const rows = [...ledger.keys()].flatMap((id): Violation[] =>
    calls.has(id) ? [] : [{ kind: 'row-unexplained', subject: id, detail: 'ledger row without a call' }],
  );
  const entries = audit.flatMap(({ operationId, action }): Violation[] => {
    if (operationId === null || ledger.has(operationId)) return [];
    return [{ kind: 'row-unexplained', subject: operationId, detail: `audit entry ${action}, not settled` }];
  });
  return [...rows, ...entries];
}

/** One producer asks again for what another asked for: what is wrong with it is wrong once. */
function distinct(found: readonly Violation[]): Violation[] {
  return [...new Map(found.map((violation) => [JSON.stringify(violation), violation])).values()];
}
