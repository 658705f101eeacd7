// What a job must look like, from whatever program it comes: pure checks that name the rule and what was found.

import {
  limits,
  type Operation,
  ProtocolError,
  parseJobId,
  parseOperation,
  stagedTtlMs,
  stagingFunctions,
} from '@filefleet/protocol';

/** A producer's clock and that of Redis may differ by this, in milliseconds. */
const clockSlackMs = 5_000;

/** A job as it lies in Redis. */
export interface FoundJob {
  readonly id: string;
  readonly name: string;
  readonly data: unknown;
  /** Options as BullMQ keeps them. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** Staged bytes as they lie in Redis; null for a chunk that is not there. */
export interface FoundChunk {
  readonly bytes: Buffer;
  /** Milliseconds left; -1 for none, as Redis says it. */
  readonly ttlMs: number;
}

export interface ReadResult {
  /** Undefined when it can be no operation. */
  readonly operation: Operation | undefined;
  readonly complaints: readonly string[];
}

/** Options that would change the order or the number of executions; the writer overrides or cannot undo them. */
const forbiddenOptions = ['backoff', 'delay', 'lifo', 'parent', 'priority', 'repeat', 'de'] as const;

/** Job id, name, data and options. @param vm the VM that the agent says it is. */
export function checkJob(job: FoundJob, vm: string): ReadResult {
  const complaints = checkOptions(job.options);
  const named = parseJobId(job.id);
  if (named === undefined) {
    complaints.push(`expected the job id to be <vm>-<operation id>[-<n>], got ${job.id}`);
  }
  try {
    const operation = parseOperation(job.name, job.data);
    const { payload } = operation;
    if (payload.vm !== vm) complaints.push(`expected vm to be ${vm}, got ${payload.vm}`);
    if (named && (named.vm !== payload.vm || named.operationId !== payload.operationId)) {
      complaints.push(`expected the job id to be ${payload.vm}-${payload.operationId}[-<n>], got ${job.id}`);
    }
    return { operation, complaints };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    complaints.push(`${error.code}: ${error.message}`);
    return { operation: undefined, complaints };
  }
}

function checkOptions(options: FoundJob['options']): string[] {
  const complaints = forbiddenOptions
    .filter((name) => Boolean(options[name]))
    .map((name) => `expected no job option ${name}, got ${JSON.stringify(options[name])}`);
  const { attempts } = options;
  if (attempts !== undefined && attempts !== 0 && attempts !== 1) {
    complaints.push(
      `expected one attempt, got ${JSON.stringify(attempts)}; the ledger repeats, not the queue`,
    );
  }
  return complaints;
}

/**
 * The chunks of a staged store.
 * @param sha256 hashes bytes to lower-case hex.
 */
export function checkChunks(
  promised: { readonly size: number; readonly digest: string },
  chunks: readonly (FoundChunk | null)[],
  sha256: (bytes: Buffer) => string,
): string[] {
  const { size, digest } = promised;
  const needed = Math.ceil(size / limits.chunkBytes);
  if (chunks.length !== needed) {
    return [
      `expected ${needed} chunks of ${limits.chunkBytes} bytes for ${size} bytes, got ${chunks.length}`,
    ];
  }
  const there = chunks.filter((chunk) => chunk !== null);
  if (there.length < chunks.length) {
    return [`expected all ${chunks.length} chunks in Redis before the job, got ${there.length}`];
  }
  const wrongSize = there.findIndex(({ bytes }, n) => bytes.byteLength !== chunkSize(n, size));
  if (wrongSize >= 0) {
    const got = there[wrongSize]?.bytes.byteLength;
    return [`expected chunk ${wrongSize} to have ${chunkSize(wrongSize, size)} bytes, got ${got}`];
  }
  const complaints = there.flatMap(({ ttlMs }, n) => checkTtl(n, ttlMs));
  const found = sha256(Buffer.concat(there.map(({ bytes }) => bytes)));
  if (found !== digest) complaints.push(`expected the staged bytes to hash to ${digest}, got ${found}`);
  return complaints;
}

const chunkSize = (n: number, size: number) => Math.min(limits.chunkBytes, size - n * limits.chunkBytes);

/** Chunks that nobody comes for must go away. How long they have is a matter of moments: the lease, or the queue's day. */
function checkTtl(n: number, ttlMs: number): string[] {
  const longestMs = stagedTtlMs.queued + clockSlackMs;
  if (ttlMs > 0 && ttlMs <= longestMs) return [];
  const got = ttlMs < 0 ? 'none' : `${ttlMs} ms`;
  return [`expected chunk ${n} to have a TTL of at most ${stagedTtlMs.queued} ms, got ${got}`];
}

/** @param reservedBytes what is reserved for the operation; null for nothing. */
export function checkReservation(size: number, reservedBytes: number | null): string[] {
  if (size === 0 || (reservedBytes ?? 0) >= size) return [];
  const got = reservedBytes === null ? 'none' : `one of ${reservedBytes} bytes`;
  return [
    `expected a reservation of ${size} bytes before the first chunk (${stagingFunctions.reserve}), got ${got}`,
  ];
}
