// What the writer publishes about itself in the Redis hash `writer`, one JSON value under the field `state`.
// No path and no secret goes to Redis.

import { z } from 'zod';

export const writerStateField = 'state';

/** A heartbeat older than this means that no writer is alive, in milliseconds. */
export const writerStaleAfterMs = 10_000;

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
  settled: z.object({ applied: z.int(), refused: z.int(), resend: z.int(), quarantined: z.int() }),
});

export type WriterState = z.infer<typeof writerStateSchema>;
