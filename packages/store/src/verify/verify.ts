// Verify: is everything there that rows and receipts promise, and is it what they say? Reads only, in short statements, and
// may run beside a writer.

import { performance } from 'node:perf_hooks';
import { type Clock, systemClock } from '../clock.ts';
import { openReadConnection } from '../connection.ts';
import { databasePath } from '../data-dir.ts';
import { isStoreError } from '../errors.ts';
import { assertReadable } from '../reader.ts';
import { asStoreError } from '../sqlite-errors.ts';
import { type AuditAnchor, auditStep } from './audit-step.ts';
import { digestsStep, rowsStep, sizesStep, unnamedStep } from './content-steps.ts';
import { foreignKeysStep, integrityStep, schemaStep } from './database-steps.ts';
import { figuresStep } from './figures-step.ts';
import { ledgerStep } from './ledger-step.ts';
import { searchStep } from './search-step.ts';
import { type Place, type Step, Tally } from './step.ts';

export interface StepReport {
  readonly name: string;
  readonly milliseconds: number;
  /** How many pages, rows, receipts, contents or files were looked at. */
  readonly checked: number;
  readonly faultCount: number;
  /** The first 20 of them. */
  readonly faults: readonly string[];
  /** Worth knowing, and no fault. */
  readonly notes: readonly { readonly what: string; readonly count: number }[];
}

export interface VerifyOptions {
  readonly dataDir: string;
  /** Also reads every byte and compares digests. */
  readonly deep?: boolean;
  readonly clock?: Clock;
  /** Heads of the audit's chain from elsewhere: a log, Redis, a backup's manifest. */
  readonly anchors?: readonly AuditAnchor[];
}

/** In this order: what comes first makes what follows worth asking. */
const steps: readonly Step[] = [
  schemaStep,
  integrityStep,
  foreignKeysStep,
  ledgerStep,
  auditStep,
  figuresStep,
  searchStep,
  rowsStep,
  sizesStep,
  unnamedStep,
  digestsStep,
];

/**
 * One report after the other, each as soon as its step is through. Damage is a finding, not an error.
 * @throws StoreError as `openReader` says, and STORAGE_FAULT when the disk fails.
 */
export async function* verifyStore(options: VerifyOptions): AsyncGenerator<StepReport> {
  const { dataDir, deep = false, clock = systemClock, anchors = [] } = options;
  const db = openReadConnection(databasePath(dataDir));
  try {
    assertReadable(db);
    const place: Place = { db, dataDir, nowMs: clock.nowMs(), anchors, isDeep: deep };
    for (const step of steps) {
      if (!step.deep || deep) yield await report(step, place);
    }
  } finally {
    db.close();
  }
}

async function report(step: Step, place: Place): Promise<StepReport> {
  const startedAt = performance.now();
  const tally = new Tally();
  try {
    await step.run(place, tally);
  } catch (error) {
    const known = asStoreError(error, `verifying ${step.name}`);
    if (!isStoreError(known, 'DATABASE_CORRUPT', 'SCHEMA_DAMAGED') && !isMissingObject(error)) throw known;
    tally.fault(known instanceof Error ? known.message : String(known)); // a damaged page ends the step, not the rest
  }
  const { name } = step;
  const { checked, faultCount, faults, notes } = tally;
  return { name, milliseconds: performance.now() - startedAt, checked, faultCount, faults, notes };
}

/** A table or column that is gone is damage as well. */
function isMissingObject(error: unknown): boolean {
  return error instanceof Error && /^no such (table|column)/.test(error.message);
}
