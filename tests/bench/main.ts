// npm run bench: how fast it is, against fair peers, in one run on one machine. See README.md.

import { cases } from './cases/index.ts';
import { describeMachine, describeVersions } from './machine.ts';
import { readOptions, usage } from './options.ts';
import { profileCase } from './profile/run.ts';
import { createProgress } from './progress.ts';
import { writeReadme } from './readme.ts';
import { type Result, resultOf } from './results.ts';
import { tableOf } from './table.ts';

/** The whole bench at most; what hangs is ended. */
const longestMs = { full: 10 * 60_000, short: 60_000 };
/** No case begins after this share of it. */
const startShare = 0.8;

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), cases);
  if (options.help) return console.log(usage);
  if (options.list) return console.log(cases.map(({ name, what }) => `${name}: ${what}`).join('\n'));
  const progress = createProgress(process.stderr);
  const { sizes } = options;
  if (options.profile) {
    const { case: profiled, contestant } = options.profile;
    const text = await profileCase(profiled, contestant, { sizes, say: progress.say });
    progress.clear();
    return console.log(text);
  }
  const machine = describeMachine();
  const versions = describeVersions();
  const results: Result[] = [];
  const notMeasured: string[] = [];
  const lastStart = performance.now() + limitMs * startShare;
  for (const chosen of options.cases) {
    if (performance.now() > lastStart) {
      notMeasured.push(chosen.name);
      continue;
    }
    const say = (text: string): void => progress.say(`${chosen.name}: ${text}`);
    for (const series of await chosen.run({ sizes, say })) results.push(resultOf(series));
  }
  progress.clear();
  const report = { results, notMeasured, machine, versions, short: options.isShort };
  console.log(options.json ? JSON.stringify(report, null, 2) : tableOf(results));
  if (notMeasured.length > 0) console.error(`not measured, for the time was up: ${notMeasured.join(', ')}`);
  if (options.write) await writeReadme(report);
}

const isShort = process.argv.includes('--short');
const limitMs = isShort ? longestMs.short : longestMs.full;
const timer = setTimeout(() => {
  console.error(`expected the bench to end within ${limitMs / 1000} s; the machine is too slow or too busy`);
  process.exit(1);
}, limitMs);
try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
} finally {
  clearTimeout(timer);
}
