// What the store holds by day and by type, and what retention will do when: added up slice by slice in the background, with
// pauses, and kept until it is old. Whoever asks gets the last one at once, and it says as of when it is.

import { setTimeout as wait } from 'node:timers/promises';
import type { DueGroup, StoreReader } from '@filefleet/store';

const dayMs = 86_400_000;
/** Of the calendar, and of the days that are told apart. */
export const calendarDays = 60;
export const surveyedDays = 90;
/** Types are what producers say, so anybody can make up any number of them. */
const typesTold = 200;
export const otherTypes = 'other types';

export interface Sum {
  readonly files: number;
  readonly bytes: number;
}

export interface SurveyResult {
  /** When it was begun; what changed since then may be in it or not. Milliseconds since 1970. */
  readonly asOfMs: number;
  readonly files: number;
  /** Of the last 90 days, by days since 1970 UTC: what was stored then and is still there, deleted or not. */
  readonly byDay: ReadonlyMap<number, Sum>;
  /** Stored before those. */
  readonly earlier: Sum;
  /** Files that are not deleted, most bytes first. */
  readonly byType: readonly (Sum & { readonly type: string })[];
  /** Steps of retention of the next 60 days, soonest first. */
  readonly calendar: readonly DueGroup[];
}

export interface SurveyOptions {
  /** Opened anew when the store was replaced. @throws StoreError */
  readonly reader: () => StoreReader;
  readonly now: () => number;
  /** A result is good for at least this long, in milliseconds. */
  readonly goodForMs?: number;
  /** Between two slices, so that others get their turn, in milliseconds. */
  readonly pauseMs?: number;
  /** Told why a survey had no end. */
  readonly onFailed: (reason: string) => void;
}

const defaultGoodForMs = 5 * 60_000;
/** At most this share of the time goes into surveys. */
const duty = 1 / 20;
const defaultPauseMs = 5;

export class Survey {
  readonly #options: SurveyOptions;
  #result: SurveyResult | undefined;
  #goodUntilMs = Number.NEGATIVE_INFINITY;
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: SurveyOptions) {
    this.#options = options;
  }

  /** The last result, if there is one; begins a new survey when it is old. */
  ask(): SurveyResult | undefined {
    const isOld = this.#options.now() >= this.#goodUntilMs;
    if (isOld && !this.#isClosed) {
      this.#running ??= this.#run().finally(() => {
        this.#running = undefined;
      });
    }
    return this.#result;
  }

  /** Resolves when no survey runs any more. */
  async settled(): Promise<void> {
    await this.#running;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    const { now, goodForMs = defaultGoodForMs, onFailed } = this.#options;
    const began = performance.now();
    try {
      const result = await this.#lookAtAll(now());
      if (result) this.#result = result;
    } catch (error) {
      onFailed(error instanceof Error ? error.message : String(error));
    }
    this.#goodUntilMs = now() + Math.max(goodForMs, (performance.now() - began) / duty);
  }

  async #lookAtAll(asOfMs: number): Promise<SurveyResult | undefined> {
    const { pauseMs = defaultPauseMs } = this.#options;
    const sums = new Sums(Math.floor(asOfMs / dayMs));
    for (let after: number | undefined = 0; after !== undefined; await wait(pauseMs)) {
      if (this.#isClosed) return undefined;
      const slice = this.#options.reader().care.surveyFiles(after);
      for (const group of slice.groups) sums.add(group);
      after = slice.next;
    }
    const calendar = new Map<string, DueGroup>();
    const span = { fromMs: asOfMs, untilMs: asOfMs + calendarDays * dayMs };
    for (let after: string | undefined = ''; after !== undefined; await wait(pauseMs)) {
      if (this.#isClosed) return undefined;
      const slice = this.#options.reader().care.surveyDue({ after, ...span });
      for (const group of slice.groups) addDue(calendar, group);
      after = slice.next;
    }
    const inOrder = [...calendar.values()].sort((a, b) => a.day - b.day || a.step.localeCompare(b.step));
    return { asOfMs, ...sums.result(), calendar: inOrder };
  }
}

type Group = ReturnType<StoreReader['care']['surveyFiles']>['groups'][number];

class Sums {
  readonly #firstDay: number;
  readonly #byDay = new Map<number, Sum>();
  readonly #byType = new Map<string, Sum>();
  #earlier: Sum = { files: 0, bytes: 0 };
  #files = 0;

  constructor(today: number) {
    this.#firstDay = today - surveyedDays + 1;
  }

  add({ day, mimeType, files, bytes, deletedFiles, deletedBytes }: Group): void {
    const all = { files: files + deletedFiles, bytes: bytes + deletedBytes };
    this.#files += all.files;
    if (day < this.#firstDay) this.#earlier = plus(this.#earlier, all);
    else this.#byDay.set(day, plus(this.#byDay.get(day), all));
    if (files === 0) return;
    const named = mimeType ?? 'unknown';
    const type = this.#byType.has(named) || this.#byType.size < typesTold ? named : otherTypes;
    this.#byType.set(type, plus(this.#byType.get(type), { files, bytes }));
  }

  result(): Omit<SurveyResult, 'asOfMs' | 'calendar'> {
    const types = [...this.#byType].map(([type, sum]) => ({ type, ...sum }));
    const byType = types.sort((a, b) => b.bytes - a.bytes || b.files - a.files);
    return { files: this.#files, byDay: this.#byDay, earlier: this.#earlier, byType };
  }
}

function plus(sum: Sum = { files: 0, bytes: 0 }, more: Sum): Sum {
  return { files: sum.files + more.files, bytes: sum.bytes + more.bytes };
}

function addDue(calendar: Map<string, DueGroup>, group: DueGroup): void {
  const key = `${group.day} ${group.step}`;
  const known = calendar.get(key);
  const sessions = group.sessions + (known?.sessions ?? 0);
  calendar.set(key, { ...group, ...plus(known, group), sessions });
}
