// What the oracle may find, by name. A test that expects a finding names its kind.

export const violationKinds = {
  'receipt-lost': 'A receipt was given, and the ledger does not have it.',
  'receipt-differs': 'A receipt was given, and the ledger has another one under its operation id.',
  'row-missing': 'An operation was settled as applied, and its file row is not there.',
  'row-differs': 'A file row is not what the calls of its producer, replayed in their order, make of it.',
  'row-unexplained':
    'A file row, ledger row or audit entry belongs to no call, or to one that was not settled.',
  'outcome-differs': 'An operation was settled otherwise than its place in the order of calls demands.',
  'applied-twice': 'An operation took effect more than once.',
  'applied-without-trace': 'An operation was settled as applied, and the audit has no entry of it.',
  inversion: 'Of two calls in one session by one producer the later one took effect first.',
  gap: 'An operation was settled although an earlier one, not given up, never was.',
  'sequence-differs': 'The last sequence of a producer and session is not that of its last settled call.',
  'bytes-missing': 'A file row has no bytes.',
  'bytes-differ': 'Bytes do not have the digest or size under which they are kept.',
  damaged: 'The database fails its own check.',
  unsettled: 'A producer that lived on never heard how its call ended.',
  'process-failed': 'A process ended that nobody had ended, or did not end as it should.',
} as const;

export type ViolationKind = keyof typeof violationKinds;

export interface Violation {
  readonly kind: ViolationKind;
  /** The operation, file, digest or process concerned. */
  readonly subject: string;
  readonly detail: string;
}
