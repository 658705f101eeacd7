// Sizes and counts that both sides keep to. The writer publishes those in force; these are the defaults.
// All byte limits count bytes of serialised UTF-8. Source: DESIGN of the protocol, "Limits".

const KiB = 1024;
const MiB = 1024 * KiB;

export const limits = Object.freeze({
  /** Bytes of a blob that still lives inside the database; larger ones become files. */
  inlineBlobBytes: 64 * KiB,
  /** Bytes of one staged chunk; every chunk but the last has exactly this size. */
  chunkBytes: 256 * KiB,
  /** Bytes of the largest file that may travel staged through Redis. */
  stagedFileBytes: 64 * MiB,
  /** Bytes staged by all producers together. */
  stagedTotalBytes: 256 * MiB,
  /** Content larger than this is asked for before it is sent: the writer may hold it. */
  knownBytesFrom: 256 * KiB,
  /** Digests that the writer tells producers it holds, at most. */
  knownDigests: 100_000,
  filenameBytes: 255,
  sessionIdBytes: 128,
  messageIdBytes: 128,
  actorBytes: 128,
  mimeTypeBytes: 128,
  reasonBytes: 256,
  metadataEntries: 64,
  metadataKeyBytes: 128,
  /** Bytes of all metadata of one file as JSON. */
  metadataBytes: 8 * KiB,
  /** View and download entries in one `access-record`. */
  accessEntries: 100,
  /** Actions of people in one `action-record`. */
  actionEntries: 50,
  actionTargetBytes: 256,
  /** Files that a plan may name one by one. */
  planFiles: 100,
  /** Dead letters, or jobs in quarantine, that one operation dismisses. */
  dismissals: 100,
  /** Bytes of one job's data as JSON. */
  jobBytes: 32 * KiB,
  /** Nesting of a payload; the deepest legal payload has 3 levels. */
  payloadDepth: 8,
  receiptBytes: 400,
  queuedOperationsPerVm: 5_000,
  groupOperations: 256,
  groupBytes: 8 * MiB,
});

export type Limits = { readonly [K in keyof typeof limits]: number };

/**
 * How long a reservation and its staged chunks live, in milliseconds: while they are uploaded and wait to be sent (a lease, to
 * be renewed), and once their job was added.
 */
export const stagedTtlMs = Object.freeze({ uploading: 60_000, queued: 24 * 3_600_000 });

/** How long a digest stays known to producers, in milliseconds. */
export const knownTtlMs = 24 * 3_600_000;

/** How long a receipt is remembered, in milliseconds. Afterwards a repeat is answered `RECEIPT_EXPIRED`. */
export const ledgerRetentionMs = 30 * 24 * 3_600_000;
