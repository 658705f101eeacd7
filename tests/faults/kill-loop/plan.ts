// The plan of a run: who is killed when. Nothing but the seed decides it, so that the same seed gives the same plan.

import { randomOf } from '../load/random.ts';

/** The VMs that produce; each is one process with several sessions. */
export const vms = ['vm1', 'vm2', 'vm4'] as const;
export type Vm = (typeof vms)[number];

export type Victim =
  | { readonly kind: 'writer' }
  | { readonly kind: 'producer'; readonly vm: Vm }
  /**
   * `all`: it comes back with its append-only file; `most`: without the end of it, as after a failover; `nothing`: empty.
   * `awayMs`: from its end to the start of the next. Only a Redis that stays away refuses those who come back to it.
   */
  | { readonly kind: 'redis'; readonly keeps: 'all' | 'most' | 'nothing'; readonly awayMs: number };

export interface Cycle {
  readonly victim: Victim;
  /** Calls that each producer makes at the beginning of the cycle. */
  readonly calls: number;
  /** From then to the kill, in milliseconds. */
  readonly killAfterMs: number;
  /** False: the next cycle begins at once, so that its kill hits a process that is still starting. */
  readonly waitsForRecovery: boolean;
}

/** A pipeline takes about this long for one burst, so that kills hit all of its stages and the idle time after it. */
const longestMomentMs = 300;

/** Longer than all first tries of ours to connect again: 50 ms of the writer and the clients, then longer ones. */
const longestAbsenceMs = 3_000;

export function planCycles(seed: string, count: number): Cycle[] {
  const random = randomOf(`${seed}/plan`);
  return Array.from({ length: count }, (_, index) => ({
    victim: chooseVictim(index, random),
    calls: 10 + random.below(40),
    killAfterMs: random.below(longestMomentMs),
    waitsForRecovery: !random.chance(0.15),
  }));
}

/** In turn; the writer, which everything hangs on, twice in four. */
function chooseVictim(index: number, random: ReturnType<typeof randomOf>): Victim {
  if (index % 4 === 1) return { kind: 'producer', vm: random.pick(vms) };
  if (index % 4 !== 3) return { kind: 'writer' };
  const keeps = random.pick(['all', 'all', 'most', 'nothing'] as const);
  return { kind: 'redis', keeps, awayMs: random.chance(0.5) ? random.below(longestAbsenceMs) : 0 };
}
