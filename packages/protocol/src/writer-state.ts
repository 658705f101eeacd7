// What the writer publishes about itself in the Redis hash `writer`, one JSON value under the field `state`.
// No path and no secret goes to Redis.

import { z } from 'zod';
import { latencyBuckets } from './latency.ts';

export const writerStateField = 'state';

/** A heartbeat older than this means that no writer is alive, in milliseconds. */
export const writerStaleAfterMs = 10_000;

/** VMs whose activity the writer publishes; the one that was silent for longest goes first. */
export const activeVmsMax = 64;

const counted = z.int().min(0);

export const writerStateSchema = z.object({
  epoch: z.int().min(1),
  phase: z.enum(['starting', 'running', 'stopping', 'stopped']),
  pid: z.int(),
  startedAtMs: z.int(),
  heartbeatAtMs: z.int(),
  schemaVersion: z.string(),
  acceptedVersions: z.array(z.int()),
  limits: z.record(z.string(), z.number()),
  /** What slows producers down at the moment, if anything. */
  pressure: z.enum(['none', 'disk', 'memory', 'queue']),
  commitSequence: z.int().min(0),
  lastCommitAtMs: z.int().nullable(),
  /** Staged bytes as the budget counts them, and what was never sent or never reserved; missing before Redis was asked. */
  staged: z
    .object({
      bytes: z.int(),
      operations: z.int(),
      waiting: z.int(),
      orphanedBytes: z.int(),
      orphanedOperations: z.int(),
      unreservedOperations: z.int(),
    })
    .optional(),
  /** What the maintenance does; missing before it has begun. */
  maintenance: z
    .object({
      /** `doubted`: nothing goes because of its age until clocks agree again or an operator accepts (`clock-accept`). */
      clock: z.enum(['trusted', 'doubted']),
      because: z.string().optional(),
      /** How far the writer's clock seems to be ahead, in milliseconds. */
      byMs: z.int().optional(),
      /** Contents that are known to be damaged and wait for their bytes. */
      damagedContents: z.int().min(0),
      /** The task under way. */
      task: z.string().optional(),
      /**
       * How far the index of names and metadata has come: the highest row number that it stands for, and files behind that,
       * counted to 100,000. Searches walk over what is behind.
       */
      search: z.object({ through: z.int().min(0), behind: z.int().min(0) }).optional(),
    })
    .optional(),
  /** Of the disk that holds the store; missing before it was measured. */
  disk: z.object({ freeBytes: counted, totalBytes: counted }).optional(),
  /** Counted since this writer started, so that whoever looks twice knows what came between. */
  activity: z
    .object({
      /** From enqueueing to settled, and the time of a group transaction: counts in the buckets of `latencyBoundsMs`. */
      operationMs: z.array(counted).max(latencyBuckets),
      commitMs: z.array(counted).max(latencyBuckets),
      /** Bytes of the files that were stored, shared ones too. */
      bytes: counted,
      perVm: z
        .array(
          z.object({
            vm: z.string(),
            applied: counted,
            refused: counted,
            resend: counted,
            bytes: counted,
            lastAtMs: z.int(),
          }),
        )
        .max(activeVmsMax),
    })
    .optional(),
  settled: z.object({ applied: z.int(), refused: z.int(), resend: z.int(), quarantined: z.int() }),
});

export type WriterState = z.infer<typeof writerStateSchema>;
export type VmActivity = NonNullable<WriterState['activity']>['perVm'][number];
