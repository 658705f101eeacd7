// `filefleet doctor`: every check by name, with what was found and what to do. Looks only; changes nothing.

import picocolors from 'picocolors';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { shown } from '../safe-text.ts';
import { checkConfiguration, checkNativeModules, checkNode } from './doctor/machine.ts';
import { checkDashboard, checkRedis, checkWriter } from './doctor/services.ts';
import { checkDatabase, checkDataFolder, checkFreeSpace, checkWriterLock } from './doctor/storage.ts';

export interface Finding {
  readonly state: 'ok' | 'warn' | 'fail';
  /** What was found. */
  readonly found: string;
  /** What to do; missing when all is well. */
  readonly advice?: string;
}

export type Check = (context: Context) => Finding | Promise<Finding>;

const checks: Readonly<Record<string, Check>> = {
  node: checkNode,
  'native modules': checkNativeModules,
  configuration: checkConfiguration,
  'data folder': checkDataFolder,
  'free space': checkFreeSpace,
  'writer lock': checkWriterLock,
  database: checkDatabase,
  redis: checkRedis,
  writer: checkWriter,
  dashboard: checkDashboard,
};

export async function doctor(context: Context): Promise<number> {
  const findings: ({ name: string } & Finding)[] = [];
  for (const [name, check] of Object.entries(checks)) {
    findings.push({ name, ...(await run(check, context)) });
  }
  const failed = findings.filter(({ state }) => state === 'fail').length;
  context.answer({ ok: failed === 0, checks: findings }, () => findings.map(describe).join('\n'));
  return failed === 0 ? exitCodes.ok.code : exitCodes.failed.code;
}

/** A check that throws has failed, and its error says why. */
async function run(check: Check, context: Context): Promise<Finding> {
  try {
    return await check(context);
  } catch (error) {
    return { state: 'fail', found: error instanceof Error ? error.message : String(error) };
  }
}

const paint = { ok: picocolors.green, warn: picocolors.yellow, fail: picocolors.red } as const;

function describe({ name, state, found, advice }: { name: string } & Finding): string {
  const lines = found.split('\n').map((line) => shown(line, 500));
  const first = `${paint[state](state.padEnd(4))}  ${name.padEnd(14)}  ${lines.join(' ')}`;
  return advice === undefined ? first : `${first}\n${' '.repeat(22)}-> ${advice}`;
}
