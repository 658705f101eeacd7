// What the figures of the fleet were: an hour in steps of 5 s, a week in steps of 5 minutes, a year in steps of an hour. Kept
// in three small files in the dashboard's own folder; never in the database of the writer.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Emit } from '../events.ts';
import { type FigureName, type Figures, figureNames, summariseFigures } from './figures.ts';
import type { RingRecord } from './ring.ts';
import { RingFile } from './ring-file.ts';

export const historySpans = ['hour', 'week', 'year'] as const;
export type HistorySpan = (typeof historySpans)[number];

const secondMs = 1_000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;

const shapes: Readonly<Record<HistorySpan, { stepMs: number; slots: number }>> = {
  hour: { stepMs: 5 * secondMs, slots: 721 },
  week: { stepMs: 5 * minuteMs, slots: 2_017 },
  year: { stepMs: hourMs, slots: 8_785 },
};
/** How often a moment is noted, in milliseconds. */
export const noteEveryMs: number = shapes.hour.stepMs;
/** A folder that cannot be written to is tried again after this long: the data folder may come later. */
const tryAgainMs = minuteMs;

export interface HistoryPoint extends Figures {
  /** Beginning of the step, in milliseconds since 1970. */
  readonly atMs: number;
}

export interface HistorySlice {
  readonly stepMs: number;
  /** Oldest first; steps of which nothing is known are left out. */
  readonly points: readonly HistoryPoint[];
  /** Whether it outlives this run of the dashboard. */
  readonly kept: boolean;
}

export class History {
  readonly #dir: string | undefined;
  readonly #emit: Emit;
  readonly #rings: Readonly<Record<HistorySpan, RingFile>>;
  #attached = false;
  #attaching: Promise<void> | undefined;
  #triedAtMs = Number.NEGATIVE_INFINITY;
  #toldProblem = '';

  /** @param dir undefined: figures are kept for this run only. Its parent must be there; it itself is made. */
  constructor(dir: string | undefined, emit: Emit) {
    this.#dir = dir;
    this.#emit = emit;
    const ring = (span: HistorySpan) => new RingFile({ ...shapes[span], fields: figureNames.length });
    this.#rings = { hour: ring('hour'), week: ring('week'), year: ring('year') };
  }

  get isKept(): boolean {
    return this.#attached;
  }

  /** Notes a moment; the longer spans follow from the shorter ones, so that a restart within a step loses nothing of it. */
  note(atMs: number, figures: Figures): void {
    this.#tryToKeep(atMs);
    this.#place('hour', atMs, figures);
    for (const [span, from] of [
      ['week', 'hour'],
      ['year', 'week'],
    ] as const) {
      const beginMs = beginOf(span, atMs);
      const moments = this.#rings[from].read(beginMs, atMs).map(figuresOf);
      this.#place(span, atMs, summariseFigures(moments));
    }
  }

  read(span: HistorySpan, nowMs: number): HistorySlice {
    const { stepMs, slots } = shapes[span];
    const records = this.#rings[span].read(nowMs - (slots - 1) * stepMs, nowMs);
    const points = records.map((record) => ({ atMs: record.atMs, ...figuresOf(record) }));
    return { stepMs, points, kept: this.#attached };
  }

  /** Tries now; resolves when it is decided whether figures are kept. */
  async keep(): Promise<void> {
    const dir = this.#dir;
    if (dir === undefined || this.#attached) return;
    this.#attaching ??= this.#attach(dir).finally(() => {
      this.#attaching = undefined;
    });
    await this.#attaching;
  }

  async close(): Promise<void> {
    await this.#attaching;
    this.#attached = false;
    await Promise.all(historySpans.map((span) => this.#rings[span].close()));
  }

  #tryToKeep(atMs: number): void {
    if (this.#attached || Math.abs(atMs - this.#triedAtMs) < tryAgainMs) return;
    this.#triedAtMs = atMs;
    void this.keep();
  }

  async #attach(dir: string): Promise<void> {
    try {
      await mkdir(dir, { mode: 0o750 }).catch(unlessThere);
      for (const span of historySpans) await this.#rings[span].attach(join(dir, `figures-${span}.ring`));
      this.#attached = true;
    } catch (error) {
      this.#tell(error);
    }
  }

  #place(span: HistorySpan, atMs: number, figures: Figures): void {
    const values = figureNames.map((name) => figures[name] ?? Number.NaN);
    this.#rings[span].note({ atMs: beginOf(span, atMs), values }, (error) => this.#tell(error));
  }

  /** Each problem once. */
  #tell(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    if (reason === this.#toldProblem) return;
    this.#toldProblem = reason;
    this.#emit('history.unkept', { reason });
  }
}

const beginOf = (span: HistorySpan, atMs: number): number => atMs - (atMs % shapes[span].stepMs);

function figuresOf({ values }: RingRecord): Figures {
  const known = figureNames
    .map((name, field): [FigureName, number] => [name, values[field] ?? Number.NaN])
    .filter(([, value]) => !Number.isNaN(value));
  return Object.fromEntries(known);
}

function unlessThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}
