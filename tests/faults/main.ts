// `npm run faults`: the kill loop, the spool loop, the power cuts, or the model, in their long form. Exit code 0: no promise was broken; 1: see `violations`.

import { createHash, randomBytes } from 'node:crypto';
import { Command, InvalidArgumentError } from 'commander';
import { type LoopResult, runKillLoop } from './kill-loop/loop.ts';
import { runModel } from './model/loop.ts';
import type { Violation } from './oracle/violation.ts';
import { whyNoPowerCut } from './power-loss/availability.ts';
import { type PowerLossResult, runPowerLoss } from './power-loss/loop.ts';
import { runSpoolLoop, type SpoolLoopResult } from './spool-loop/loop.ts';

type Result = LoopResult | SpoolLoopResult | PowerLossResult;

const runs = { 'kill-loop': runKillLoop, 'spool-loop': runSpoolLoop, 'power-loss': runPowerLoss } as const;
type RunName = keyof typeof runs | 'model';
const runNames = [...Object.keys(runs), 'model'];

interface Arguments {
  readonly cycles: number;
  /** Of the model. */
  readonly operations: number;
  readonly seed: string;
  readonly json: boolean;
  readonly only: RunName;
}

const program = new Command('faults')
  .description(
    "Kills writer, producers and Redis under load, or cuts the power of the writer's disk, and asks an oracle whether a promise was broken.",
  )
  .option('--cycles <count>', 'how often something is killed', positive, 1_000)
  .option('--operations <count>', 'of the model: how many are tried', positive, 1_000_000)
  .option('--seed <text>', 'decides who is killed when', randomBytes(4).toString('hex'))
  .option('--json', 'prints one JSON value', false)
  .option('--only <name>', `one of ${runNames.join(', ')}`, runName, 'kill-loop')
  .parse();

const { cycles, operations, seed, json, only } = program.opts<Arguments>();
if (only === 'model') await compareWithModel();
else await runLoop(only);

async function runLoop(name: keyof typeof runs): Promise<void> {
  const why = name === 'power-loss' ? await whyNoPowerCut() : undefined;
  if (why !== undefined) program.error(`error: expected a machine on which power cuts can be tried: ${why}`);
  console.error(`seed ${seed}: ${cycles} cycles`);
  const result = await runs[name]({ cycles, seed, onProgress: (soFar) => console.error(progress(soFar)) });
  console.log(json ? JSON.stringify(result) : report(result));
  process.exitCode = result.violations.length > 0 ? 1 : 0;
}

/** Throws fast-check's report of the smallest run in which store and model differ. */
async function compareWithModel(): Promise<void> {
  const number = Number.parseInt(createHash('sha256').update(seed).digest('hex').slice(0, 7), 16);
  console.error(`seed ${seed}: ${operations} operations`);
  const onProgress = (soFar: object, seconds: number) =>
    console.error(`${seconds} s: ${JSON.stringify(soFar)}`);
  const count = await runModel({ operations, seed: number, onProgress });
  console.log(json ? JSON.stringify({ seed, ...count }) : `${JSON.stringify(count)}: no difference`);
}

function positive(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('expected a whole number above 0');
}

function runName(text: string): RunName {
  if (runNames.includes(text)) return text as RunName;
  throw new InvalidArgumentError(`expected one of ${runNames.join(', ')}`);
}

function progress({ cycles: done, violations, checked, seconds, ...rest }: Result): string {
  const said = `${seconds} s: ${done} cycles, ${checked.looks} looks, ${violations.length} violations`;
  return 'recoveryMs' in rest ? `${said}, recovery ${Object.values(rest.recoveryMs).join('/')} ms` : said;
}

function report({ calls, violations, ...rest }: Result): string {
  const { cycles: done, seconds, checked } = rest;
  const happened = 'kills' in rest ? killed(rest) : 'cuts' in rest ? cut(rest) : spoolKilled(rest);
  const answers =
    'receipts' in rest ? `${rest.receipts} receipts` : `${rest.accepted} accepted, ${rest.stored} stored`;
  return [
    `${done} cycles in ${seconds} s (seed ${rest.seed}): ${happened}`,
    `${calls} calls, ${answers}, ${checked.looks} looks of the oracle`,
    violations.length === 0 ? 'no violation' : `${violations.length} violations:`,
    ...violations.map(({ kind, subject, detail }: Violation) => `  ${kind} ${subject}: ${detail}`),
  ].join('\n');
}

function killed({ kills, recoveryMs: { p50, p95, max } }: Pick<LoopResult, 'kills' | 'recoveryMs'>): string {
  const recovery = `recovery p50 ${p50} ms, p95 ${p95} ms, max ${max} ms`;
  return `killed the writer ${kills.writer} times, a producer ${kills.producer}, Redis ${kills.redis}; ${recovery}`;
}

function cut({ cuts }: Pick<PowerLossResult, 'cuts'>): string {
  return `cut the power ${cuts['one-disk']} times with one disk, ${cuts['two-disks']} with two`;
}

function spoolKilled({ killed: { producers, redis } }: Pick<SpoolLoopResult, 'killed'>): string {
  return `killed the producer ${producers} times, Redis ${redis}`;
}
