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

/** How long a staged chunk lives, in milliseconds: while its upload goes on, and once its job was added. */
export const stagedTtlMs = Object.freeze({ uploading: 10 * 60_000, queued: 24 * 3_600_000 });

/** How long a receipt is remembered, in milliseconds. Afterwards a repeat is answered `RECEIPT_EXPIRED`. */
export const ledgerRetentionMs = 30 * 24 * 3_600_000;
