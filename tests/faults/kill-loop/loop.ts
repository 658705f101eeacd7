// The kill loop: cycle after cycle a burst of calls, a kill at a seeded moment, a restart at once; after some cycles
// everything must settle and the oracle looks. A fresh store from time to time keeps each look short.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../../support/deadline.ts';
import type { WriterLine, WriterProcess } from '../../support/writer.ts';
import type { Violation } from '../oracle/violation.ts';
import { Rig } from '../rig/rig.ts';
import { type Cycle, planCycles, vms } from './plan.ts';

export interface LoopOptions {
  readonly cycles: number;
  readonly seed: string;
  /** The oracle looks after this many cycles; 25 unless given. */
  readonly checkEvery?: number;
  /** A fresh store after this many cycles; 100 unless given. */
  readonly phaseCycles?: number;
  /** Told after each look. */
  readonly onProgress?: (result: LoopResult) => void;
}

export interface LoopResult {
  cycles: number;
  readonly seed: string;
  readonly kills: { writer: number; producer: number; redis: number };
  calls: number;
  receipts: number;
  /** How often the oracle looked, and at how many calls, receipts and file rows in all. */
  readonly checked: { looks: number; calls: number; receipts: number; files: number };
  readonly violations: Violation[];
  /** From the start of a restarted writer to its first commit. */
  recoveryMs: { p50: number; p95: number; max: number };
  /** What the writer of the slowest recovery said until its first commit (of each event the last), with milliseconds since its start. */
  slowest: readonly string[];
  seconds: number;
}

/** A machine that does much else is slow; a writer that is stuck stays so. In milliseconds. */
const recoveryPatienceMs = 60_000;

/** After this many findings the loop ends: more of them say nothing new. */
const enoughViolations = 50;

export async function runKillLoop(options: LoopOptions): Promise<LoopResult> {
  const { cycles, seed, phaseCycles = 100 } = options;
  const plan = planCycles(seed, cycles);
  const run = new Run(options);
  for (let at = 0; at < plan.length && run.goesOn; at += phaseCycles) {
    await run.phase(plan.slice(at, at + phaseCycles), `${seed}/${at}`);
  }
  return run.result;
}

class Run {
  readonly result: LoopResult;
  readonly #options: LoopOptions;
  readonly #recoveries: number[] = [];
  readonly #startedAt = performance.now();

  constructor(options: LoopOptions) {
    this.#options = options;
    this.result = {
      cycles: 0,
      seed: options.seed,
      kills: { writer: 0, producer: 0, redis: 0 },
      calls: 0,
      receipts: 0,
      checked: { looks: 0, calls: 0, receipts: 0, files: 0 },
      violations: [],
      recoveryMs: { p50: 0, p95: 0, max: 0 },
      slowest: [],
      seconds: 0,
    };
  }

  get goesOn(): boolean {
    return this.result.violations.length < enoughViolations;
  }

  /** Some cycles over one fresh store. */
  async phase(plan: readonly Cycle[], seed: string): Promise<void> {
    const { checkEvery = 25 } = this.#options;
    const folder = await mkdtemp(join(tmpdir(), 'filefleet-kill-loop-'));
    const rig = await Rig.start({ folder, seed, vms });
    await rig.startWriter().ready;
    const failedBefore = this.result.violations.length;
    try {
      for (let at = 0; at < plan.length && this.goesOn; at += checkEvery) {
        for (const cycle of plan.slice(at, at + checkEvery)) await this.#guarded(rig, cycle);
        await this.#look(rig);
      }
    } finally {
      this.result.violations.push(...(await rig.close()));
      this.#count(rig);
      const failed = this.result.violations.length > failedBefore;
      if (failed || process.env.KEEP_DB) console.error(`kept ${folder}`);
      else await rm(folder, { recursive: true, force: true });
    }
  }

  /** A process that does not come back in time is a finding like any other. */
  async #guarded(rig: Rig, cycle: Cycle): Promise<void> {
    try {
      await this.#cycle(rig, cycle);
      await rig.keepWriting();
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      this.result.violations.push({ kind: 'process-failed', subject: JSON.stringify(cycle), detail });
    }
  }

  async #cycle(rig: Rig, { victim, calls, killAfterMs, waitsForRecovery }: Cycle): Promise<void> {
    rig.burst(calls);
    await pause(killAfterMs);
    this.result.kills[victim.kind] += 1;
    this.result.cycles += 1;
    if (victim.kind === 'writer') {
      rig.burst(2); // so that there is something to commit, whatever the burst before has come to
      await rig.killWriter();
      const writer = rig.startWriter();
      if (waitsForRecovery) await this.#recovery(writer);
    } else if (victim.kind === 'producer') {
      const producer = await rig.killProducer(victim.vm);
      if (waitsForRecovery) await producer.ready;
    } else {
      await rig.killRedis(victim.keeps, victim.awayMs);
      const before = rig.writer.lines.length;
      rig.burst(2);
      if (!waitsForRecovery) return;
      await until(
        () => !rig.writer.isRunning || committed(rig.writer, before),
        () => `writer ${rig.writer.pid} to commit after Redis came back`,
        recoveryPatienceMs,
      );
    }
  }

  /** From the start of the process to its first commit. */
  async #recovery(writer: WriterProcess): Promise<void> {
    const { time } = await until(
      () => {
        if (!writer.isRunning) throw new Error(`expected writer ${writer.pid} to commit, got its end`);
        return committed(writer);
      },
      () => `writer ${writer.pid} to commit after its start: ${timeline(writer).join(', ')}`,
      recoveryPatienceMs,
    );
    const tookMs = time - writer.startedAtMs;
    if (tookMs > this.result.recoveryMs.max) this.result.slowest = timeline(writer);
    this.#recoveries.push(tookMs);
    this.result.recoveryMs = summary(this.#recoveries);
  }

  async #look(rig: Rig): Promise<void> {
    const { checked, violations } = await rig.check();
    const total = this.result.checked;
    total.looks += 1;
    total.calls += checked.calls;
    total.receipts += checked.receipts;
    total.files += checked.files;
    this.result.violations.push(...violations);
    this.result.seconds = Math.round((performance.now() - this.#startedAt) / 1_000);
    this.#options.onProgress?.(this.result);
  }

  #count(rig: Rig): void {
    for (const { calls, endings } of rig.journals()) {
      this.result.calls += calls.length;
      this.result.receipts += [...endings.values()].filter(({ kind }) => kind === 'receipt').length;
    }
  }
}

/** The first commit after so many lines. */
function committed({ lines }: WriterProcess, after = 0): WriterLine | undefined {
  return lines.slice(after).find(({ event }) => event === 'group.committed');
}

function timeline({ lines, startedAtMs }: WriterProcess): string[] {
  const first = lines.findIndex(({ event }) => event === 'group.committed');
  const upTo = first < 0 ? lines.length : first + 1;
  const seen = new Map(lines.slice(0, upTo).map((line) => [line.event, line]));
  return [...seen.values()].map(({ event, time }) => `${time - startedAtMs} ms ${event}`);
}

function summary(values: readonly number[]): LoopResult['recoveryMs'] {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
  return { p50: at(0.5), p95: at(0.95), max: at(1) };
}
