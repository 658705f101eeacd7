// Calls against ledger and audit: what was acknowledged is there, took effect once, in the order of the calls.

import { isDeepStrictEqual } from 'node:util';
import type { Receipt } from '@filefleet/protocol';
import { askedAgainSuffix } from '../load/calls.ts';
import type { Call, Journal } from '../load/journal.ts';
import type { Evidence } from './evidence.ts';
import type { Replay } from './replay.ts';
import type { Violation } from './violation.ts';

/** Every receipt that a producer got is in the ledger, to the letter. */
export function checkReceipts(journal: Journal, { ledger }: Evidence): Violation[] {
  return [...journal.endings.values()].flatMap((ending): Violation[] => {
    if (ending.kind !== 'receipt') return [];
    const { receipt } = ending;
    const row = ledger.get(receipt.operationId);
    const given = JSON.stringify(receipt);
    if (!row) return [{ kind: 'receipt-lost', subject: receipt.operationId, detail: given }];
    if (isDeepStrictEqual(JSON.parse(row.receipt), receipt)) return [];
    const detail = `given ${given}, kept ${row.receipt}`;
    return [{ kind: 'receipt-differs', subject: receipt.operationId, detail }];
  });
}

/** Each settled call has the outcome that its place demands, and as many audit entries. */
export function checkOutcomes(
  calls: readonly Call[],
  replayed: Replay,
  evidence: Evidence,
  traces: ReadonlyMap<string, number>,
): Violation[] {
  return calls.flatMap(({ operationId, name }): Violation[] => {
    const expected = replayed.outcomes.get(operationId);
    const row = evidence.ledger.get(operationId);
    if (!expected || !row) return [];
    const receipt = JSON.parse(row.receipt) as Receipt;
    const got = receipt.outcome === 'applied' ? 'applied' : receipt.code;
    const found: Violation[] = [];
    if (got !== expected.code) {
      const detail = `${name}: expected ${expected.code}, got ${got}`;
      found.push({ kind: 'outcome-differs', subject: operationId, detail });
    }
    const seen = traces.get(operationId) ?? 0;
    if (seen > expected.traces) {
      const detail = `${name}: expected ${expected.traces} audit entries, got ${seen}`;
      found.push({ kind: 'applied-twice', subject: operationId, detail });
    } else if (seen < expected.traces && got === 'applied') {
      found.push({ kind: 'applied-without-trace', subject: operationId, detail: name });
    }
    return found;
  });
}

/** Within one session of one producer: nothing was settled past a hole, and effects came in call order. */
export function checkOrder(journal: Journal, evidence: Evidence): Violation[] {
  const auditIds = new Map(evidence.audit.map(({ operationId, auditId }) => [operationId, auditId]));
  return [...bySession(journal.calls)].flatMap(([sessionId, calls]): Violation[] => {
    if (sessionId.endsWith(askedAgainSuffix)) return [];
    return [
      ...inversions(calls, (id) => evidence.ledger.get(id)?.commitSequence, 'commit'),
      ...inversions(calls, (id) => auditIds.get(id), 'audit entry'),
      ...gaps(calls, journal, evidence),
    ];
  });
}

function inversions(
  calls: readonly Call[],
  placeOf: (operationId: string) => number | undefined,
  what: string,
): Violation[] {
  const found: Violation[] = [];
  let highest = 0;
  for (const { operationId, name } of calls) {
    const place = placeOf(operationId);
    if (place === undefined) continue;
    if (place < highest) {
      const detail = `${name}: ${what} ${place} after ${highest} of an earlier call`;
      found.push({ kind: 'inversion', subject: operationId, detail });
    }
    highest = Math.max(highest, place);
  }
  return found;
}

function gaps(calls: readonly Call[], journal: Journal, { ledger }: Evidence): Violation[] {
  const last = calls.findLastIndex(({ operationId }) => ledger.has(operationId));
  return calls.slice(0, Math.max(0, last)).flatMap(({ operationId, name }): Violation[] => {
    // Given up by its producer: a later one may pass it, whether it took effect or not.
    if (ledger.has(operationId) || journal.endings.get(operationId)?.kind === 'failed') return [];
    return [{ kind: 'gap', subject: operationId, detail: `${name} was never settled, later ones were` }];
  });
}

/** The numbers that the writer remembers are those of the last settled calls. */
export function checkSequences(journals: readonly Journal[], evidence: Evidence): Violation[] {
  const expected = new Map<string, number[]>();
  for (const { calls } of journals) {
    for (const [sessionId, called] of bySession(calls)) {
      const last = called.findLastIndex(({ operationId }) => evidence.ledger.has(operationId)) + 1;
      if (last > 0) expected.set(sessionId, [...(expected.get(sessionId) ?? []), last]);
    }
  }
  const got = new Map<string, number[]>();
  for (const { sessionId, last } of evidence.sequences) {
    got.set(sessionId, [...(got.get(sessionId) ?? []), last]);
  }
  return [...new Set([...expected.keys(), ...got.keys()])].flatMap((sessionId): Violation[] => {
    if (sessionId.endsWith(askedAgainSuffix)) return []; // settled by whichever producer asked first
    const [wanted, have] = [expected, got].map((map) => (map.get(sessionId) ?? []).sort((a, b) => a - b));
    if (isDeepStrictEqual(wanted, have)) return [];
    const detail = `expected last sequences ${JSON.stringify(wanted)}, got ${JSON.stringify(have)}`;
    return [{ kind: 'sequence-differs', subject: sessionId, detail }];
  });
}

/** A producer that was not killed heard how each of its calls ended. */
export function checkSettled(journal: Journal): Violation[] {
  return journal.calls.flatMap(({ operationId, name }): Violation[] => {
    const ending = journal.endings.get(operationId);
    if (ending?.kind === 'receipt') return [];
    if (ending?.kind === 'failed' && ending.code === 'GIVEN_UP') return [];
    const detail = ending ? `${name} failed with ${ending.code}` : `${name} never ended`;
    return [{ kind: 'unsettled', subject: operationId, detail }];
  });
}

function bySession(calls: readonly Call[]): Map<string, Call[]> {
  const sessions = new Map<string, Call[]>();
  for (const call of calls) {
    const called = sessions.get(call.sessionId);
    if (called) called.push(call);
    else sessions.set(call.sessionId, [call]);
  }
  return sessions;
}
