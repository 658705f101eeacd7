// What happened between two looks. Pure: the writer counts since its start, and whoever looks twice knows the difference.

import { latencyBetween, latencyQuantile, type VmActivity, writerStaleAfterMs } from '@filefleet/protocol';
import type { Figures } from '../history/figures.ts';
import type { FleetLook } from './eye.ts';

/** The figures of a moment, with rates since an earlier look. */
export function figuresOf(before: FleetLook | undefined, now: FleetLook): Figures {
  const { redis, store, disk } = now;
  const held = 'statistics' in store ? store.statistics : undefined;
  return known({
    ...ratesOf(before, now),
    queueDepth: redis && redis.queue.waiting + redis.queue.active,
    files: held?.files,
    storedBytes: held?.storedBytes,
    stagedBytes: redis?.writer?.staged?.bytes,
    diskFreeBytes: disk?.freeBytes,
    redisBytes: redis?.usedBytes,
  });
}

type Rates = Pick<
  Figures,
  'operationsPerSecond' | 'refusedPerSecond' | 'bytesPerSecond' | 'medianMs' | 'p99Ms' | 'commitP99Ms'
>;

const nothing: Rates = { operationsPerSecond: 0, refusedPerSecond: 0, bytesPerSecond: 0 };

function ratesOf(before: FleetLook | undefined, now: FleetLook): Rates {
  const [first, second] = [before?.redis?.writer, now.redis?.writer];
  if (!first || !second) return {};
  // By the writer's own clock: its heartbeats and our looks do not keep step.
  const seconds = (second.heartbeatAtMs - first.heartbeatAtMs) / 1_000;
  if (seconds <= 0) return now.atMs - second.heartbeatAtMs > writerStaleAfterMs ? nothing : {};
  const anew = first.epoch !== second.epoch;
  const per = (from: number, to: number) => Math.max(0, to - (anew ? 0 : from)) / seconds;
  const latency = (name: 'operationMs' | 'commitMs', share: number) =>
    second.activity &&
    latencyQuantile(latencyBetween(anew ? [] : (first.activity?.[name] ?? []), second.activity[name]), share);
  const settled = ({ settled }: typeof second) => settled.applied + settled.refused;
  return known({
    operationsPerSecond: per(settled(first), settled(second)),
    refusedPerSecond: per(first.settled.refused, second.settled.refused),
    bytesPerSecond: second.activity && per(first.activity?.bytes ?? 0, second.activity.bytes),
    medianMs: latency('operationMs', 0.5),
    p99Ms: latency('operationMs', 0.99),
    commitP99Ms: latency('commitMs', 0.99),
  });
}

export interface VmRow {
  readonly vm: string;
  /** Undefined: nothing since the writer started. */
  readonly lastAtMs: number | undefined;
  /** Operations a minute since the earlier look. */
  readonly perMinute: number;
  readonly bytesPerMinute: number;
  /** Refused and sent again since the writer started. */
  readonly refused: number;
  readonly resend: number;
  /** What the store holds of it; undefined when the store cannot be read. */
  readonly files: number | undefined;
  readonly bytes: number | undefined;
}

/** Every VM that has done anything lately or has files; the last to act first. */
export function vmRows(before: FleetLook | undefined, now: FleetLook): VmRow[] {
  const active = activityOf(now);
  const earlier = sameWriter(before, now) ? activityOf(before) : new Map<string, VmActivity>();
  const minutes = minutesBetween(before, now);
  const held = 'statistics' in now.store ? now.store.statistics.perVm : [];
  const names = new Set([...active.keys(), ...held.map(({ vm }) => vm ?? '')]);
  const rows = [...names].map((vm): VmRow => {
    const [now, then] = [active.get(vm), earlier.get(vm)];
    const files = held.find((one) => (one.vm ?? '') === vm);
    return {
      vm,
      lastAtMs: now?.lastAtMs,
      perMinute: now && minutes > 0 ? Math.max(0, doneBy(now) - doneBy(then)) / minutes : 0,
      bytesPerMinute: now && minutes > 0 ? Math.max(0, now.bytes - (then?.bytes ?? 0)) / minutes : 0,
      refused: now?.refused ?? 0,
      resend: now?.resend ?? 0,
      files: files?.files,
      bytes: files?.logicalBytes,
    };
  });
  return rows.sort((a, b) => (b.lastAtMs ?? 0) - (a.lastAtMs ?? 0) || (a.vm < b.vm ? -1 : 1));
}

const activityOf = (look: FleetLook | undefined): ReadonlyMap<string, VmActivity> =>
  new Map(look?.redis?.writer?.activity?.perVm.map((vm) => [vm.vm, vm]));

const doneBy = (vm: VmActivity | undefined): number => (vm ? vm.applied + vm.refused : 0);

const sameWriter = (before: FleetLook | undefined, now: FleetLook): boolean =>
  before?.redis?.writer?.epoch === now.redis?.writer?.epoch;

/** By the writer's clock: since the earlier look, or since it started. Less than one counts as one: one operation is not sixty. */
function minutesBetween(before: FleetLook | undefined, now: FleetLook): number {
  const writer = now.redis?.writer;
  if (!writer) return 0;
  const since = sameWriter(before, now) ? before?.redis?.writer?.heartbeatAtMs : writer.startedAtMs;
  return since === undefined ? 0 : Math.max(1, (writer.heartbeatAtMs - since) / 60_000);
}

/** Without what nobody knows. */
function known<T extends Record<string, number | undefined>>(figures: T): { [K in keyof T]?: number } {
  return Object.fromEntries(Object.entries(figures).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: number;
  };
}
