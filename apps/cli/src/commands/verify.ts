// `filefleet verify`: is everything there that rows and receipts promise? Reads only; the writer may be running.

import { type StepReport, verifyStore } from '@filefleet/store';
import picocolors from 'picocolors';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { shown } from '../safe-text.ts';
import { type AuditAnchor, findAnchors } from './audit-anchors.ts';

/** @returns the exit code: 1 when a step found a fault. @throws StoreError NOT_INITIALIZED, STORAGE_FAULT */
export async function verify(
  context: Context,
  { deep = false, anchor = [] }: { readonly deep?: boolean; readonly anchor?: readonly AuditAnchor[] },
): Promise<number> {
  const { dataDir } = context.config();
  const anchors = [...anchor, ...(await findAnchors(context))];
  const steps: StepReport[] = [];
  for await (const step of verifyStore({ dataDir, deep, anchors })) {
    steps.push(step);
    if (!context.json) context.note(describe(step)); // as they come: the deep ones take their time
  }
  const faults = steps.reduce((sum, { faultCount }) => sum + faultCount, 0);
  context.answer({ ok: faults === 0, faults, deep, steps }, () => conclude(faults, deep));
  return faults === 0 ? exitCodes.ok.code : exitCodes.failed.code;
}

function describe({ name, milliseconds, checked, faultCount, faults, notes }: StepReport): string {
  const state = faultCount === 0 ? picocolors.green('ok  ') : picocolors.red('fail');
  const found = faultCount === 0 ? '' : `, ${faultCount} wrong`;
  const lines = [
    `${state}  ${name.padEnd(18)}  ${milliseconds.toFixed(0).padStart(7)} ms  ${checked} looked at${found}`,
    ...faults.map((fault) => `      ${shown(fault, 300)}`),
    ...(faultCount > faults.length ? [`      ... and ${faultCount - faults.length} more`] : []),
    ...notes.map(({ what, count }) => `      ${what}: ${count}`),
  ];
  return lines.join('\n');
}

function conclude(faults: number, deep: boolean): string {
  if (faults > 0)
    return `expected everything to be as rows and receipts say, got ${faults} faults; restore them from a backup`;
  return deep
    ? 'all is as rows and receipts say, every byte read'
    : 'all is as rows and receipts say; --deep also reads every byte';
}
