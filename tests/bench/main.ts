// npm run bench: how fast it is, against fair peers, in one run on one machine. See README.md.

import { cases } from './cases/index.ts';
import { describeMachine, describeVersions } from './machine.ts';
import { measureAll } from './measure.ts';
import { type BenchOptions, readOptions, usage } from './options.ts';
import { profileCase } from './profile/run.ts';
import { createProgress } from './progress.ts';
import { writeReadme } from './readme.ts';
import { tableOf } from './table.ts';

/** The whole bench at most, in milliseconds. */
const limitsMs = { full: 10 * 60_000, short: 60_000 };

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), cases);
  if (options.help) console.log(usage);
  else if (options.list) console.log(cases.map(({ name, what }) => `${name}: ${what}`).join('\n'));
  else if (options.profile) await profile(options, options.profile);
  else await bench(options);
}

async function bench(options: BenchOptions): Promise<void> {
  const { sizes, isShort, json, write } = options;
  const progress = createProgress(process.stderr);
  const machine = describeMachine(); // before there is load of our own
  const versions = describeVersions();
  const limitMs = isShort ? limitsMs.short : limitsMs.full;
  const measured = await measureAll(options.cases, { sizes, limitMs, say: progress.say });
  progress.clear();
  const report = { ...measured, machine, versions, short: isShort };
  console.log(json ? JSON.stringify(report, null, 2) : tableOf(report.results));
  const left = measured.notMeasured.join(', ');
  if (left !== '') console.error(`not measured, for the time was up: ${left}`);
  if (write) await writeReadme(report);
}

async function profile({ sizes }: BenchOptions, profiled: NonNullable<BenchOptions['profile']>) {
  const progress = createProgress(process.stderr);
  const context = { sizes, say: progress.say, lastStart: Number.POSITIVE_INFINITY };
  const text = await profileCase(profiled.case, profiled.contestant, context);
  progress.clear();
  console.log(text);
}

try {
  await main();
  process.exit(0); // a case for which the time was up may still hold something open
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
