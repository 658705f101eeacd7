// What a writer says about itself in Redis, for tests that have no writer.

import { redisKeys, type WriterState, writerStateField } from '@filefleet/protocol';
import type { Redis } from 'ioredis';

/** Publishes a running writer whose last heartbeat was 1.5 s ago. */
export async function publishWriter(
  redis: Redis,
  nowMs: number,
  change: Partial<WriterState> = {},
): Promise<void> {
  const state: WriterState = {
    epoch: 7,
    phase: 'running',
    pid: 4242,
    startedAtMs: nowMs - 60_000,
    heartbeatAtMs: nowMs - 1_500,
    schemaVersion: '002',
    acceptedVersions: [1, 2],
    limits: { chunkBytes: 262_144 },
    pressure: 'none',
    commitSequence: 12,
    lastCommitAtMs: nowMs - 5_000,
    settled: { applied: 11, refused: 1, resend: 0, quarantined: 0 },
    ...change,
  };
  await redis.hset(redisKeys(0).writer, writerStateField, JSON.stringify(state));
}
