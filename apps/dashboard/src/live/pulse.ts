// Looks at the fleet for everybody: every 5 s for the history, every second while somebody watches. However many watch,
// there is one look, and what it shows is made once.

import type { Figures } from '../history/figures.ts';
import { type History, noteEveryMs } from '../history/history.ts';
import type { FleetEye, FleetLook } from './eye.ts';
import { figuresOf } from './rates.ts';

/** What is shown of a moment. */
export interface Beat {
  readonly look: FleetLook;
  /** The look of about a minute ago, for the rates of VMs; the oldest there is when the dashboard is younger. */
  readonly minuteAgo: FleetLook | undefined;
  /** With rates over the last seconds. */
  readonly figures: Figures;
  /** The moment that was noted in the history with this look, if one was. */
  readonly noted: { readonly atMs: number; readonly figures: Figures } | undefined;
}

export interface PulseOptions {
  readonly eye: Pick<FleetEye, 'look'>;
  readonly history: Pick<History, 'note'>;
  readonly now: () => number;
  /** Told when a look failed for a reason that no look expects; the next one comes all the same. */
  readonly onFailure: (error: unknown) => void;
  /** While somebody watches, in milliseconds. */
  readonly everyMs?: number;
}

const watchedEveryMs = 1_000;
/** Rates over less than this jump with the writer's heartbeats. */
const rateOverMs = 5_000;
const rememberMs = 60_000;

export class Pulse {
  readonly #options: Required<PulseOptions>;
  readonly #watchers = new Set<(beat: Beat) => void>();
  /** Looks of the last minute, oldest first, a history's step apart. */
  readonly #past: FleetLook[] = [];
  #recent: FleetLook[] = [];
  #notedStep = Number.NaN;
  #latest: Beat | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<Beat> | undefined;
  #stopped = false;

  constructor(options: PulseOptions) {
    this.#options = { everyMs: watchedEveryMs, ...options };
  }

  start(): void {
    this.#beat();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#watchers.clear();
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  /** The first beat comes at once. @returns how to stop watching */
  watch(watcher: (beat: Beat) => void): () => void {
    this.#watchers.add(watcher);
    if (this.#watchers.size === 1) this.#beat();
    return () => void this.#watchers.delete(watcher);
  }

  /** A beat that is fresh enough for a page that is opened now; looks if there is none. */
  async fresh(): Promise<Beat> {
    const ageMs = this.#latest ? this.#options.now() - this.#latest.look.atMs : Number.POSITIVE_INFINITY;
    if (this.#latest && ageMs >= 0 && ageMs < this.#options.everyMs) return this.#latest;
    return await this.#look();
  }

  /** Looks now, tells, and plans the next time. */
  #beat(): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    void this.#look()
      .then((beat) => {
        for (const tell of this.#watchers) tell(beat);
      })
      .catch(this.#options.onFailure)
      .finally(() => this.#plan());
  }

  #plan(): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    const everyMs = this.#watchers.size > 0 ? this.#options.everyMs : noteEveryMs;
    this.#timer = setTimeout(() => this.#beat(), everyMs).unref();
  }

  /** One look at a time, shared by all who ask meanwhile. */
  #look(): Promise<Beat> {
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #lookOnce(): Promise<Beat> {
    const { eye, now } = this.#options;
    const look = await eye.look(now());
    const isRecent = ({ atMs }: FleetLook) => atMs <= look.atMs && atMs > look.atMs - rateOverMs - 500;
    this.#recent = this.#recent.filter(isRecent);
    const figures = figuresOf(this.#recent[0], look);
    this.#recent.push(look);
    const noted = this.#note(look);
    this.#latest = { look, minuteAgo: this.#past[0], figures, noted };
    return this.#latest;
  }

  #note(look: FleetLook): Beat['noted'] {
    const step = Math.floor(look.atMs / noteEveryMs);
    if (step === this.#notedStep) return undefined;
    this.#notedStep = step;
    const figures = figuresOf(this.#past.at(-1), look);
    this.#options.history.note(look.atMs, figures);
    this.#past.push(look);
    while ((this.#past[0]?.atMs ?? look.atMs) < look.atMs - rememberMs) this.#past.shift();
    return { atMs: step * noteEveryMs, figures };
  }
}
