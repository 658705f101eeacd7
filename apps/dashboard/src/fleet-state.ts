// What the dashboard knows about the fleet at this moment: is Redis there, is the writer alive, how long is the queue.
// Every answer comes within a bounded time, also when Redis hangs.

import {
  redisKeys,
  type WriterState,
  writerStaleAfterMs,
  writerStateField,
  writerStateSchema,
} from '@filefleet/protocol';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { within } from './deadline.ts';

/** Patience with Redis; /healthz promises to answer within a second. */
export const probeTimeoutMs = 800;

export interface WriterSummary {
  readonly alive: boolean;
  readonly epoch: number;
  readonly phase: WriterState['phase'];
  readonly heartbeatAgeMs: number;
  readonly pressure: WriterState['pressure'];
  readonly schemaVersion: string;
  readonly startedAtMs: number;
  readonly lastCommitAtMs: number | null;
  readonly commitSequence: number;
  readonly settled: WriterState['settled'];
}

export interface FleetState {
  readonly redis: 'up' | 'down';
  /** Null: no writer has said anything that can be read. */
  readonly writer: WriterSummary | null;
}

export const countedStates = ['waiting', 'active', 'delayed', 'completed', 'failed'] as const;
export type QueueCounts = Readonly<Record<(typeof countedStates)[number], number>>;

const down: FleetState = Object.freeze({ redis: 'down', writer: null });

export interface FleetProbe {
  readState(): Promise<FleetState>;
  /** Undefined: Redis did not say. */
  readCounts(): Promise<QueueCounts | undefined>;
}

/** @param now wall clock in milliseconds, against which heartbeats are measured. */
export function createFleetProbe(redis: Redis, queue: Queue, shard: number, now: () => number): FleetProbe {
  const key = redisKeys(shard).writer;
  const state = shared(async () => summarise(await redis.hget(key, writerStateField), now()));
  const counts = shared(async () => (await queue.getJobCounts(...countedStates)) as QueueCounts);
  const ask = async <T>(read: () => Promise<T>): Promise<T | undefined> =>
    redis.status === 'ready' ? within(probeTimeoutMs, read()).catch(() => undefined) : undefined;
  return {
    readState: async () => (await ask(state)) ?? down,
    readCounts: () => ask(counts),
  };
}

/** What the writer's hash says; a state that cannot be read counts as none. */
export function summarise(json: string | null, nowMs: number): FleetState {
  const parsed = writerStateSchema.safeParse(parseJson(json));
  if (!parsed.success) return { redis: 'up', writer: null };
  const { heartbeatAtMs, pid: _pid, limits: _limits, acceptedVersions: _versions, ...facts } = parsed.data;
  const heartbeatAgeMs = Math.max(0, nowMs - heartbeatAtMs);
  const alive = facts.phase !== 'stopped' && heartbeatAgeMs <= writerStaleAfterMs;
  return { redis: 'up', writer: { alive, heartbeatAgeMs, ...facts } };
}

function parseJson(json: string | null): unknown {
  try {
    return json === null ? undefined : JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** Callers at the same time share one question, so that a hanging Redis does not collect them. */
function shared<T>(read: () => Promise<T>): () => Promise<T> {
  let pending: Promise<T> | undefined;
  return () => {
    pending ??= read().finally(() => {
      pending = undefined;
    });
    return pending;
  };
}
