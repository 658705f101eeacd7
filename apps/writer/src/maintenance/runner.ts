// Runs what is due, one step at a time, on a timer of the writer's own: Redis may be away. The order of the tasks is their
// rank: after each step the first one that is due goes on, so a plan need not wait for a scrub.

import { setTimeout as wait } from 'node:timers/promises';
import {
  type Clock,
  isPassing,
  isStoreError,
  machineFault,
  type TaskFacts,
  type TaskNote,
} from '@filefleet/store';
import type { Emit } from '../events.ts';
import { firstDueMs, isDue, type Step, Stopping, type Task } from './task.ts';

/** After something that passes, a task is tried again this much later, in milliseconds. */
const postponedMs = 10_000;
/** Longest pause between two steps, in milliseconds: under load that never ends maintenance must end, too. */
const longestPauseMs = 250;

export interface RunnerOptions {
  /** By rank. */
  readonly tasks: readonly Task[];
  readonly clock: Clock;
  readonly emit: Emit;
  /** Whether something may go because of its age; asked before each step. */
  readonly isClockTrusted: () => boolean;
  /** Operations under way: then a step is followed by a pause as long as it took. */
  readonly isBusy: () => boolean;
  readonly noted: (task: string) => TaskFacts | undefined;
  readonly note: (task: string, note: TaskNote) => Promise<unknown>;
  /** Called before each look, such as to ask other clocks. */
  readonly beforeLook: () => Promise<unknown>;
  /** Longest time between two looks, in milliseconds. */
  readonly lookEveryMs: number;
  readonly onFatal: (error: unknown) => void;
}

interface Run {
  readonly startedAtMs: number;
  rows: number;
  steps: number;
}

export class Runner {
  readonly #options: RunnerOptions;
  readonly #due = new Map<Task, number | undefined>();
  readonly #runs = new Map<Task, Run>();
  /** Woken while a run of theirs was under way. */
  readonly #woken = new Set<Task>();
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #again = false;
  #current: Task | undefined;

  constructor(options: RunnerOptions) {
    this.#options = options;
    const nowMs = options.clock.nowMs();
    for (const task of options.tasks) {
      this.#due.set(task, firstDueMs(task, options.noted(task.name)?.dueAtMs ?? null, nowMs));
    }
  }

  /** The task under way. */
  get current(): string | undefined {
    return this.#current?.name;
  }

  get isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** Does what is due; resolves when nothing is any more. One look at a time: a second joins the first. */
  look(): Promise<void> {
    if (this.isStopping) return Promise.resolve();
    this.#again = true;
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
      this.#arm();
    });
    return this.#looking;
  }

  /** Makes a task due now, and looks. */
  wake(name: string): void {
    const task = this.#options.tasks.find((known) => known.name === name);
    if (!task) return;
    this.#due.set(task, this.#options.clock.nowMs());
    this.#woken.add(task);
    void this.look();
  }

  /** No further step begins; resolves when the one under way has ended. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.#looking;
  }

  /**
   * Waits as long as operations are under way, but not for ever. For steps that can pause inside.
   * @throws Stopping
   */
  async pause(tookMs = longestPauseMs): Promise<void> {
    const until = performance.now() + Math.min(longestPauseMs, Math.max(1, tookMs));
    do {
      if (this.isStopping) throw new Stopping();
      if (!this.#options.isBusy()) return;
      await wait(Math.min(5, tookMs), undefined, { signal: this.#stopping.signal }).catch(() => undefined);
    } while (performance.now() < until);
    if (this.isStopping) throw new Stopping();
  }

  async #look(): Promise<void> {
    while (this.#again && !this.isStopping) {
      this.#again = false;
      if (!(await this.#guarded('clock', () => this.#options.beforeLook()))) return;
      for (let task = this.#next(); task && !this.isStopping; task = this.#next()) await this.#step(task);
    }
  }

  #next(): Task | undefined {
    const { tasks, clock, isClockTrusted } = this.#options;
    const nowMs = clock.nowMs();
    let trusted: boolean | undefined;
    const mayGo = (task: Task) => {
      if (task.decidesByAge) trusted ??= isClockTrusted();
      return !task.decidesByAge || trusted === true;
    };
    return tasks.find(
      (task) => isDue(task, this.#due.get(task), nowMs) && !task.isWaiting?.() && mayGo(task),
    );
  }

  async #step(task: Task): Promise<void> {
    this.#current = task;
    const done = await this.#guarded(task.name, () => this.#run(task));
    this.#current = undefined;
    if (!done) this.#due.set(task, this.#options.clock.nowMs() + postponedMs);
  }

  async #run(task: Task): Promise<void> {
    const { emit } = this.#options;
    const run = this.#runs.get(task) ?? this.#beginRun(task);
    const startedAt = performance.now();
    const step = await task.step();
    const tookMs = performance.now() - startedAt;
    run.rows += step.rows;
    run.steps += 1;
    if (step.rows > 0) emit('maintenance.step', { task: task.name, rows: step.rows, tookMs: round(tookMs) });
    if (!step.more) await this.#end(task, run, step);
    await this.#giveWay(tookMs);
  }

  #beginRun(task: Task): Run {
    const run = { startedAtMs: this.#options.clock.nowMs(), rows: 0, steps: 0 };
    this.#runs.set(task, run);
    this.#woken.delete(task);
    return run;
  }

  /** @returns false when something that passes was in the way. What does not pass ends the writer. */
  async #guarded(task: string, work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      const fault = machineFault(error) ?? error;
      if (fault instanceof Stopping || (this.isStopping && !outlastsStop(fault))) return true;
      if (isPassing(fault)) {
        const { code, message } = fault as Error & { code: string };
        this.#options.emit('maintenance.postponed', { task, code, message });
        return false;
      }
      this.#stopping.abort();
      this.#options.onFatal(fault);
      return true;
    }
  }

  async #end(task: Task, run: Run, { result, cursor }: Step): Promise<void> {
    const { clock, emit, note } = this.#options;
    const finishedAtMs = clock.nowMs();
    this.#runs.delete(task);
    const nextMs = task.everyMs === undefined ? null : finishedAtMs + task.everyMs;
    const dueAtMs = this.#woken.has(task) ? finishedAtMs : nextMs;
    this.#due.set(task, dueAtMs ?? undefined);
    if (run.rows > 0 && !task.isQuiet)
      emit('maintenance.done', { task: task.name, rows: run.rows, steps: run.steps });
    // What comes every minute and found nothing, or works all the time, is not worth a commit.
    if ((run.rows === 0 || task.isQuiet) && !task.isNoted) return;
    const facts = { rows: run.rows, ...result };
    await note(task.name, {
      dueAtMs,
      startedAtMs: run.startedAtMs,
      finishedAtMs,
      result: JSON.stringify(facts),
      ...(cursor === undefined ? {} : { cursor }),
    });
  }

  /** Stores that came meanwhile are done before the next step takes the database again. */
  async #giveWay(tookMs: number): Promise<void> {
    await new Promise(setImmediate);
    if (this.#options.isBusy()) await this.pause(tookMs);
  }

  #arm(): void {
    clearTimeout(this.#timer);
    if (this.isStopping) return;
    const { clock, lookEveryMs } = this.#options;
    const nowMs = clock.nowMs();
    const nextMs = Math.min(
      ...[...this.#due.values()].map((due) => (due ?? Number.POSITIVE_INFINITY) - nowMs),
    );
    const delayMs = Math.min(lookEveryMs, Math.max(nextMs, lookEveryMs / 10, 10));
    this.#timer = setTimeout(() => void this.look(), delayMs).unref();
  }
}

/** A disk that cannot be trusted and a successor that has taken over count, however late they are noticed. */
const outlastsStop = (fault: unknown): boolean =>
  isStoreError(fault, 'STORAGE_FAULT') || isStoreError(fault, 'EPOCH_SUPERSEDED');

const round = (ms: number): number => Math.round(ms * 100) / 100;
