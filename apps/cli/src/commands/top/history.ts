// What the plots are drawn from: one sample for each look, the last ten minutes of them.

import type { FleetLook } from '../fleet/eye.ts';
import { isAlive } from '../fleet/facts.ts';

/** Seconds that are kept, at one look a second. */
const keptSamples = 600;

export interface Sample {
  /** Operations settled per second since the look before; undefined: nobody can say. */
  readonly perSecond: number | undefined;
  /** Half of what was settled since the look before took at most this long from its producer to its receipt; undefined: nothing was. */
  readonly latencyMs: number | undefined;
  /** Jobs that wait; undefined: Redis did not say. */
  readonly waiting: number | undefined;
}

export class History {
  #samples: readonly Sample[] = [];
  #before: FleetLook | undefined;

  get samples(): readonly Sample[] {
    return this.#samples;
  }

  /** The first look gives no sample: rates need two. */
  add(look: FleetLook): void {
    const before = this.#before;
    this.#before = look;
    if (before) this.#samples = [...this.#samples, sampleOf(before, look)].slice(-keptSamples);
  }
}

/** Pure. */
export function sampleOf(before: FleetLook, look: FleetLook): Sample {
  return {
    perSecond: perSecond(before, look),
    latencyMs: latencyMs(before, look),
    waiting: 'here' in look.redis ? look.redis.here.queue.waiting : undefined,
  };
}

function perSecond(before: FleetLook, look: FleetLook): number | undefined {
  const [was, is] = [settledBy(before), settledBy(look)];
  const passedMs = look.atMs - before.atMs;
  if (!was || !is || passedMs <= 0 || !isAlive(look)) return undefined;
  // A writer that was started meanwhile counts from nothing.
  const settled = was.epoch === is.epoch ? is.count - was.count : is.count;
  return (1_000 * Math.max(0, settled)) / passedMs;
}

function settledBy({ redis }: FleetLook): { epoch: number; count: number } | undefined {
  const writer = 'here' in redis ? redis.here.writer : undefined;
  if (!writer) return undefined;
  const { applied, refused, resend, quarantined } = writer.settled;
  return { epoch: writer.epoch, count: applied + refused + resend + quarantined };
}

function latencyMs(before: FleetLook, look: FleetLook): number | undefined {
  if ('away' in look.redis) return undefined;
  const times = look.redis.here.settled
    .filter(({ settledAtMs }) => settledAtMs > before.atMs)
    .map(({ settledAtMs, enqueuedAtMs }) => Math.max(0, settledAtMs - enqueuedAtMs))
    .sort((a, b) => a - b);
  return times[Math.floor((times.length - 1) / 2)];
}
