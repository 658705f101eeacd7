// After two crashes in a row, the jobs that were under way at both are suspects. As long as one is left, jobs run one at a time, and a suspect is
// noted before it starts: if the writer dies again, there is one culprit. A job that spent its budget is not run any more.

import { type Suspect, soloCrashBudget } from '@filefleet/store';

/** Suspects stand at the head of the queue; one that has not come by when this many others have will not come. */
const othersAtMost = 1_000;

export interface SoloNotes {
  /** Durable before it resolves: the suspect runs alone from now on; those cleared are suspects no more. */
  beginSolo(jobId: string | undefined, cleared: readonly string[]): Promise<unknown>;
}

export class Suspicion {
  readonly #notes: SoloNotes;
  readonly #crashes = new Map<string, number>();
  /** Jobs that wait for their turn, in the order in which they came. */
  readonly #waiting: (() => Promise<unknown>)[] = [];
  #oneAtATime = false;
  #busy = false;
  #others = 0;
  #cleared: string[] = [];

  constructor(notes: SoloNotes) {
    this.#notes = notes;
  }

  /** Begins to suspect, before any job is fetched. */
  begin(suspects: readonly Suspect[]): void {
    for (const { jobId, soloCrashes } of suspects) this.#crashes.set(jobId, soloCrashes);
    this.#oneAtATime = this.#crashes.size > 0;
  }

  /** Jobs still suspected. */
  get size(): number {
    return this.#crashes.size;
  }

  /**
   * Runs a job: at once, or in turn while somebody is under suspicion. Jobs begin in the order of the calls.
   * @param run does the work; `condemned` says that the job crashed the writer too often to be run again.
   */
  guard<T>(jobId: string, run: (condemned: boolean) => Promise<T>): Promise<T> {
    if (!this.#oneAtATime) return run(false);
    if (!this.#crashes.has(jobId) && ++this.#others > othersAtMost) this.#crashes.clear();
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push(() => this.#runInTurn(jobId, run).then(resolve, reject));
      this.#next();
    });
  }

  #next(): void {
    if (this.#busy) return;
    if (this.#crashes.size === 0) {
      this.#releaseAll();
      return;
    }
    const begin = this.#waiting.shift();
    if (!begin) return;
    this.#busy = true;
    void begin().then(() => {
      this.#busy = false;
      this.#next();
    });
  }

  /** In one go, so that nobody who comes later begins before them. */
  #releaseAll(): void {
    this.#oneAtATime = false;
    for (const begin of this.#waiting.splice(0)) void begin();
  }

  async #runInTurn<T>(jobId: string, run: (condemned: boolean) => Promise<T>): Promise<T> {
    const crashes = this.#crashes.get(jobId);
    if (crashes === undefined) return run(false);
    const condemned = crashes >= soloCrashBudget;
    if (!condemned) await this.#note(jobId);
    const result = await run(condemned);
    this.#crashes.delete(jobId);
    this.#cleared.push(jobId);
    if (this.#crashes.size === 0) await this.#note(undefined);
    return result;
  }

  /** One turn for the one that begins and those that are over, so that recovering costs one fsync less per job. */
  async #note(jobId: string | undefined): Promise<void> {
    const cleared = this.#cleared;
    this.#cleared = [];
    await this.#notes.beginSolo(jobId, cleared);
  }
}
