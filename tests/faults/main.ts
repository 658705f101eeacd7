// `npm run faults`: the kill loop in its long form. Exit code 0: no promise was broken; 1: see `violations`.

import { randomBytes } from 'node:crypto';
import { Command, InvalidArgumentError } from 'commander';
import { type LoopResult, runKillLoop } from './kill-loop/loop.ts';

const runs = { 'kill-loop': runKillLoop } as const;
type RunName = keyof typeof runs;

interface Arguments {
  readonly cycles: number;
  readonly seed: string;
  readonly json: boolean;
  readonly only: RunName;
}

const program = new Command('faults')
  .description(
    'Kills writer, producers and Redis under load, and asks an oracle whether a promise was broken.',
  )
  .option('--cycles <count>', 'how often something is killed', positive, 1_000)
  .option('--seed <text>', 'decides who is killed when', randomBytes(4).toString('hex'))
  .option('--json', 'prints one JSON value', false)
  .option('--only <name>', `one of ${Object.keys(runs).join(', ')}`, runName, 'kill-loop')
  .parse();

const { cycles, seed, json, only } = program.opts<Arguments>();
console.error(`seed ${seed}: ${cycles} cycles`);
const result = await runs[only]({ cycles, seed, onProgress: (soFar) => console.error(progress(soFar)) });
console.log(json ? JSON.stringify(result) : report(result));
process.exitCode = result.violations.length > 0 ? 1 : 0;

function positive(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('expected a whole number above 0');
}

function runName(text: string): RunName {
  if (Object.hasOwn(runs, text)) return text as RunName;
  throw new InvalidArgumentError(`expected one of ${Object.keys(runs).join(', ')}`);
}

function progress({ cycles: done, violations, checked, recoveryMs, seconds }: LoopResult): string {
  const { p50, p95, max } = recoveryMs;
  return `${seconds} s: ${done} cycles, ${checked.looks} looks, ${violations.length} violations, recovery ${p50}/${p95}/${max} ms`;
}

function report({ kills, calls, receipts, violations, ...rest }: LoopResult): string {
  const found = violations.map(({ kind, subject, detail }) => `  ${kind} ${subject}: ${detail}`);
  return [
    `${rest.cycles} cycles in ${rest.seconds} s (seed ${rest.seed}): killed the writer ${kills.writer} times, a producer ${kills.producer}, Redis ${kills.redis}`,
    `${calls} calls, ${receipts} receipts, ${rest.checked.looks} looks of the oracle`,
    `recovery p50 ${rest.recoveryMs.p50} ms, p95 ${rest.recoveryMs.p95} ms, max ${rest.recoveryMs.max} ms`,
    violations.length === 0 ? 'no violation' : `${violations.length} violations:`,
    ...found,
  ].join('\n');
}
