// From figures of runs to results: medians, ratios, and whether a target is met. Pure.

import { factsOf, type RowName } from './targets.ts';

/** What one run of one contestant gave. */
export interface Figure {
  readonly value: number;
  /** Microseconds of processor time that its process spent per operation, all threads together; NaN when not known. */
  readonly processorUs?: number;
}

/** One round: ours, and the peer of the same round. */
export interface Run {
  readonly ours: number;
  readonly peer: number | null;
  /** As in `Figure`: what a busy machine distorts least. */
  readonly processorUs?: { readonly ours: number | null; readonly peer: number | null };
}

export interface Series {
  readonly name: RowName;
  readonly runs: readonly Run[];
  /** What a reader must know: how many operations, on what. */
  readonly note?: string;
}

export interface Result {
  readonly name: RowName;
  readonly what: string;
  readonly against: string | null;
  /** Medians over the runs. */
  readonly ours: number;
  readonly peer: number | null;
  /** ours / peer, of the medians. */
  readonly ratio: number | null;
  readonly target: number | null;
  /** What the target is compared with: the ratio, ours - peer, or ours. */
  readonly compare: 'ratio' | 'difference' | 'value';
  readonly unit: string;
  /** Null where there is no target. */
  readonly met: boolean | null;
  readonly runs: readonly Run[];
  /** Medians of microseconds of processor time per operation; null where they were not taken. */
  readonly processorUs: { readonly ours: number | null; readonly peer: number | null };
  readonly note: string | null;
}

export function resultOf({ name, runs, note }: Series): Result {
  const { what, peer: against, unit, compare, target } = factsOf(name);
  const ours = median(runs.map((run) => run.ours));
  const peerValues = runs.flatMap((run) => (run.peer === null ? [] : [run.peer]));
  const peer = peerValues.length > 0 ? median(peerValues) : null;
  const ratio = peer === null || peer === 0 ? null : ours / peer;
  const compared = { ratio, difference: peer === null ? null : ours - peer, value: ours }[compare];
  const met = target === null || compared === null ? null : isMet(compared, target, compare);
  const processorUs = { ours: medianProcessorUs(runs, 'ours'), peer: medianProcessorUs(runs, 'peer') };
  const judged = { ours, peer, ratio, target, compare, unit, met };
  return { name, what, against, ...judged, processorUs, runs, note: note ?? null };
}

function medianProcessorUs(runs: readonly Run[], who: 'ours' | 'peer'): number | null {
  const values = runs.flatMap(({ processorUs }) => processorUs?.[who] ?? []);
  return values.length > 0 ? median(values) : null;
}

/** Rates are compared as ratios and must reach their target; times must stay within theirs. */
const isMet = (value: number, target: number, compare: Result['compare']): boolean =>
  compare === 'ratio' ? value >= target : value <= target;

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which the given share of the values lies, interpolated. NaN of nothing. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? Number.NaN;
  return below + (above - below) * (at - Math.floor(at));
}

/** Joins the figures of ours and of one peer, round by round. */
export function pair(name: RowName, ours: readonly Figure[], peer: readonly Figure[], note?: string): Series {
  const runs = ours.map((figure, round) => joined(figure, peer[round]));
  return note === undefined ? { name, runs } : { name, runs, note };
}

function joined(ours: Figure, peer: Figure | undefined): Run {
  const run = { ours: ours.value, peer: peer?.value ?? null };
  if (ours.processorUs === undefined) return run;
  return { ...run, processorUs: { ours: knownOf(ours), peer: peer ? knownOf(peer) : null } };
}

const knownOf = ({ processorUs = Number.NaN }: Figure): number | null =>
  Number.isFinite(processorUs) ? processorUs : null;
