// One run: steps against the store and against the model, compared after each.

import { verifyStore } from '@filefleet/store';
import { compareBytes, compareFigures, comparePlans, compareRows, Difference, same } from './compare.ts';
import { applyAsked } from './effects.ts';
import { retain, sweep, workOnPlans } from './life.ts';
import { type Asked, dayMs, emptyModel, type Model, type Outcome } from './model.ts';
import { Rig } from './rig.ts';
import { resolve, type Step } from './steps.ts';

export interface Count {
  /** Operations and pieces of maintenance that store and model agree on. */
  operations: number;
  crashes: number;
  /** Plans whose figures were what applying them freed. */
  applied: number;
  stale: number;
}

export const newCount = (): Count => ({ operations: 0, crashes: 0, applied: 0, stale: 0 });

/** @param sabotage SQL behind the store's back. @throws Difference at the first step after which the two differ */
export async function runSteps(steps: readonly Step[], count: Count, sabotage?: string): Promise<void> {
  const rig = new Rig(sabotage);
  const run = new Run(rig, count);
  let at = 0;
  try {
    await rig.open();
    for (const [n, step] of steps.entries()) {
      at = n;
      await run.take(step);
      await run.compare(n);
    }
    await run.end();
  } catch (error) {
    if (error instanceof Difference) error.step = at;
    throw error;
  } finally {
    rig.close();
  }
}

class Run {
  readonly #rig: Rig;
  readonly #count: Count;
  #model: Model = emptyModel();
  #last:
    | { readonly asked: readonly Asked[]; readonly outcomes: readonly Outcome[]; readonly atMs: number }
    | undefined;

  constructor(rig: Rig, count: Count) {
    this.#rig = rig;
    this.#count = count;
  }

  async take(step: Step): Promise<void> {
    const rig = this.#rig;
    rig.clock.now += 1_000;
    const nowMs = rig.clock.now;
    if ('crash' in step && step.crash) this.#count.crashes += 1;
    switch (step.kind) {
      case 'group':
        return await this.#group(step);
      case 'repeat':
        return await this.#repeat();
      case 'plans':
        await rig.drain({ kind: 'plan' }, step.crash);
        workOnPlans(this.#model, nowMs);
        break;
      case 'retention':
        await rig.drain({ kind: 'retention' }, step.crash);
        retain(this.#model, nowMs);
        break;
      case 'sweep':
        await rig.drain({ kind: 'sweep', graceMs: step.graceMs }, step.crash);
        sweep(this.#model, step.graceMs, nowMs);
        break;
      case 'time':
        rig.clock.now += step.ms;
        return;
      case 'damage':
      case 'heal':
        await this.#damageOrHeal(step.kind, step.a);
        break;
      case 'prune':
        rig.prune();
        await rig.drain({ kind: 'audit-prune', beforeMs: nowMs - 40 * dayMs }, null);
        break;
      case 'kill':
        this.#count.crashes += 1;
        await rig.kill();
        break;
    }
    this.#count.operations += 1;
  }

  async compare(n: number): Promise<void> {
    const { look, reader } = this.#rig;
    const model = this.#model;
    compareRows(model, look);
    compareFigures(model, reader);
    comparePlans(model, reader);
    const files = [...model.files.keys()];
    const fileId = files[n % Math.max(1, files.length)];
    if (fileId) await compareBytes(model, reader, fileId);
  }

  /** Every byte, and what verify says; known damage is what it has to find. */
  async end(): Promise<void> {
    const { dataDir, clock, reader } = this.#rig;
    for (const fileId of this.#model.files.keys()) await compareBytes(this.#model, reader, fileId);
    await this.#rig.clearOrphans();
    const damaged = [...this.#model.contents.values()].filter(({ isDamaged }) => isDamaged).length;
    for await (const { name, faultCount, faults } of verifyStore({ dataDir, deep: true, clock })) {
      const expected = name === 'sizes' || name === 'digests' ? damaged : 0;
      same(`faults of verify's step ${name} (${faults.join('; ')})`, faultCount, expected);
    }
    for (const { state } of this.#model.plans.values()) {
      if (state === 'applied') this.#count.applied += 1;
      if (state === 'stale') this.#count.stale += 1;
    }
  }

  async #group({ drawn, crash }: Extract<Step, { kind: 'group' }>): Promise<void> {
    const nowMs = this.#rig.clock.now;
    const asked: Asked[] = [];
    const outcomes: Outcome[] = [];
    const before = crash ? structuredClone(this.#model) : undefined;
    for (const one of drawn) {
      const concrete = resolve(this.#model, one, nowMs);
      asked.push(concrete);
      outcomes.push(applyAsked(this.#model, concrete, nowMs));
    }
    let results = await this.#apply(asked, crash);
    if (before && results === undefined) {
      // Nobody had a receipt, so the producers ask again: what was not committed happens now.
      if (crash === 'committed') {
        this.#last = { asked, outcomes, atMs: nowMs };
        return await this.#repeat();
      }
      compareRows(before, this.#rig.look);
      compareFigures(before, this.#rig.reader);
      results = await this.#apply(asked, null);
    }
    same('outcomes', results, outcomes);
    this.#last = { asked, outcomes, atMs: nowMs };
    this.#count.operations += asked.length;
  }

  /** A group that comes a second time has its first answers and no effect; what was sent back is not asked for: it might be applied now. */
  async #repeat(): Promise<void> {
    const last = this.#last;
    if (!last || this.#rig.clock.now - last.atMs > dayMs) return;
    const settled = last.asked.filter((_, n) => last.outcomes[n] !== 'resend');
    same(
      'outcomes of a repeat',
      await this.#apply(settled, null),
      last.outcomes.filter((one) => one !== 'resend'),
    );
    this.#count.operations += settled.length;
  }

  async #apply(asked: readonly Asked[], crash: Parameters<Rig['apply']>[1]): Promise<Outcome[] | undefined> {
    const entries = await Promise.all(asked.map((one) => this.#rig.entryOf(one)));
    const results = await this.#rig.apply(entries, crash);
    return results?.map((result) => {
      if (result.kind === 'resend') return 'resend';
      if (result.kind === 'settled') return result.receipt.outcome;
      throw new Error(`expected an answer, got ${result.kind}`);
    });
  }

  async #damageOrHeal(kind: 'damage' | 'heal', a: number): Promise<void> {
    const isFit = ([digest, { isDamaged }]: [string, { isDamaged: boolean }]) =>
      isDamaged === (kind === 'heal') && digest !== emptyDigest;
    const fit = [...this.#model.contents].filter(isFit);
    const [digest, content] = fit[a % Math.max(1, fit.length)] ?? [];
    if (digest === undefined || content === undefined) return;
    if (kind === 'damage') await this.#rig.damage(digest);
    else
      await this.#rig.drain(
        { kind: 'heal', digest, content: await this.#rig.contentOf(digest), from: 'the model' },
        null,
      );
    content.isDamaged = kind === 'damage';
  }
}

/** Nothing can be wrong with no bytes. */
const emptyDigest = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
