// The power-loss loop: cycle after cycle a burst of calls and a power cut at a seeded moment. After each the oracle looks at
// what the disks have, before anybody repairs anything; then a writer is started on it and goes on.

import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../../support/deadline.ts';
import { storeOf } from '../load/calls.ts';
import { randomOf } from '../load/random.ts';
import type { Verdict } from '../oracle/oracle.ts';
import type { Violation } from '../oracle/violation.ts';
import { type Layout, Machine } from './machine.ts';
import { type Cycle, type Moment, planCycles, vms } from './plan.ts';

export interface PowerLossOptions {
  readonly cycles: number;
  readonly seed: string;
  /** Both in turn unless given. */
  readonly layouts?: readonly Layout[];
  /** All must settle after this many cycles; 8 unless given. */
  readonly checkEvery?: number;
  /** A fresh store after this many cycles; 24 unless given. */
  readonly phaseCycles?: number;
  /** The protection that the writer does without: the run must find something. */
  readonly unsafe?: string;
  /** Told after each look. */
  readonly onProgress?: (result: PowerLossResult) => void;
}

export interface PowerLossResult {
  cycles: number;
  readonly seed: string;
  /** Power cuts by layout; those during the first start of a store are not counted as cycles. */
  readonly cuts: Record<Layout, number>;
  calls: number;
  receipts: number;
  /** How often the oracle looked, and at how many calls, receipts and file rows in all. */
  readonly checked: { looks: number; calls: number; receipts: number; files: number };
  readonly violations: Violation[];
  seconds: number;
}

const longestFirstStartMs = 600;
/** A burst must settle within this, in milliseconds: what a power cut swallowed is asked for again after seconds. */
const settlingMs = 90_000;

export async function runPowerLoss(options: PowerLossOptions): Promise<PowerLossResult> {
  const { cycles, seed, phaseCycles = 24, layouts = ['two-disks', 'one-disk'] } = options;
  const plan = planCycles(seed, cycles);
  const run = new Run(options);
  for (let at = 0, phase = 0; at < plan.length && run.goesOn; at += phaseCycles, phase++) {
    const layout = layouts[phase % layouts.length] ?? 'one-disk';
    await run.phase(plan.slice(at, at + phaseCycles), layout, `${seed}/${at}`);
  }
  return run.result;
}

class Run {
  readonly result: PowerLossResult;
  readonly #options: PowerLossOptions;
  readonly #startedAt = performance.now();

  constructor(options: PowerLossOptions) {
    this.#options = options;
    this.result = {
      cycles: 0,
      seed: options.seed,
      cuts: { 'one-disk': 0, 'two-disks': 0 },
      calls: 0,
      receipts: 0,
      checked: { looks: 0, calls: 0, receipts: 0, files: 0 },
      violations: [],
      seconds: 0,
    };
  }

  /** One finding is enough: the disk that it was found on is kept. */
  get goesOn(): boolean {
    return this.result.violations.length === 0;
  }

  /** Some cycles over one fresh store. */
  async phase(plan: readonly Cycle[], layout: Layout, seed: string): Promise<void> {
    const { checkEvery = 8 } = this.#options;
    const folder = await mkdtemp(join(tmpdir(), 'filefleet-power-loss-'));
    const machine = await Machine.start({ folder, seed, vms, layout });
    try {
      if (this.#options.unsafe === undefined) await this.#firstStart(machine, layout, seed);
      else await this.#startWriter(machine).ready;
      for (const [index, cycle] of plan.entries()) {
        if (!this.goesOn) break;
        await this.#cycle(machine, layout, cycle);
        if ((index + 1) % checkEvery === 0 || index + 1 === plan.length)
          this.#judge(await machine.rig.check());
      }
    } catch (error) {
      // A process that does not come back in time is a finding like any other.
      const detail = error instanceof Error ? error.message : String(error);
      this.result.violations.push({ kind: 'process-failed', subject: seed, detail });
    } finally {
      this.#count(machine);
      const asExpected = this.goesOn || this.#options.unsafe !== undefined;
      const kept = asExpected ? undefined : await keepDataFolder(machine, folder);
      this.result.violations.push(...(await machine.close()));
      if (kept) console.error(`kept ${kept}`);
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** The power goes while the store is being made; the next writer makes it, or goes on making it. */
  async #firstStart(machine: Machine, layout: Layout, seed: string): Promise<void> {
    this.#startWriter(machine);
    await pause(randomOf(`${seed}/first start`).below(longestFirstStartMs));
    await this.#cut(machine, layout);
    await this.#startWriter(machine).ready;
  }

  async #cycle(machine: Machine, layout: Layout, cycle: Cycle): Promise<void> {
    const { rig } = machine;
    rig.burst(cycle.calls);
    await comeTo(cycle.moment, machine);
    await this.#cut(machine, layout);
    this.result.cycles += 1;
    this.#judge(rig.look());
    const writer = this.#startWriter(machine);
    if (cycle.waitsForRecovery || cycle.moment.kind === 'receipt') await writer.ready;
  }

  async #cut(machine: Machine, layout: Layout): Promise<void> {
    this.result.cuts[layout] += 1;
    await machine.losePower();
  }

  #startWriter({ rig }: Machine) {
    const { unsafe } = this.#options;
    return rig.startWriter(unsafe === undefined ? {} : { FILEFLEET_TEST_UNSAFE: unsafe });
  }

  #judge({ checked, violations }: Verdict): void {
    const total = this.result.checked;
    total.looks += 1;
    total.calls += checked.calls;
    total.receipts += checked.receipts;
    total.files += checked.files;
    this.result.violations.push(...violations);
    this.result.seconds = Math.round((performance.now() - this.#startedAt) / 1_000);
    this.#options.onProgress?.(this.result);
  }

  #count({ rig }: Machine): void {
    for (const { calls, endings } of rig.journals()) {
      this.result.calls += calls.length;
      this.result.receipts += [...endings.values()].filter(({ kind }) => kind === 'receipt').length;
    }
  }
}

async function comeTo(moment: Moment, { rig }: Machine): Promise<void> {
  if (moment.kind === 'random') return pause(moment.afterMs);
  await Promise.all(vms.map((vm) => rig.producer(vm).drain(settlingMs)));
  const [vm] = vms;
  const call = storeOf({ sessionId: `${vm}-large`, filename: 'large.bin', size: moment.sizeBytes });
  rig.producer(vm).make([call]);
  await until(() => rig.endingOf(call.operationId), `the receipt of ${call.operationId}`);
}

async function keepDataFolder({ rig }: Machine, folder: string): Promise<string> {
  const kept = `${folder}-kept`;
  await rig.writer.kill();
  await cp(rig.dataDir, kept, { recursive: true, dereference: true });
  return kept;
}
