// npm test: what this machine can check within ten minutes, once, and a last line that counts it:
// `N passed, N failed, N skipped`. Arguments go to vitest (`npm test -- tests/scenarios`).
// With --containers first: only the tests that need a container engine. With --long first: those that take too long for
// every day; with FAULTS_FULL=1 in their whole forms, which take an hour.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkSources } from './check-sources.mjs';
import { longTests, shortened } from './long-tests.mjs';
import { projectNode, projectPath, root, runScript, runThrough } from './project.mjs';
import { setup } from './setup.mjs';
import { countTests, totalLine } from './test-count.mjs';

/** The whole of npm test, setting up included, ends within 10 minutes; what hangs is ended before. */
const wholeTimeoutMs = 9.5 * 60_000;
/** Those that take long. */
const longTimeoutMs = 90 * 60_000;
/** The only settings of ours that reach the tests: a shell set up for a real fleet must not aim them at it. */
const passedOn = new Set(['FILEFLEET_CONTAINERS', 'FILEFLEET_PICTURES']);

await runScript(async () => {
  const args = process.argv.slice(2);
  const containers = args[0] === '--containers';
  const long = args[0] === '--long';
  if (containers || long) args.shift();
  const short = !containers && !long && args.length === 0;
  const full = process.env.FAULTS_FULL === '1';
  if (long && args.length === 0) args.push(...longTests, ...(full ? shortened : []));
  const { missing } = setup({ tests: true, redis: 'wanted' });
  const folder = mkdtempSync(join(tmpdir(), 'filefleet-tests-'));
  try {
    const sources = containers || long ? { failed: 0, notRun: [] } : checkSources();
    const files = {
      results: join(folder, 'results.json'),
      notRun: join(folder, 'not-run.txt'),
      facts: join(folder, 'facts.txt'),
    };
    const withContainers = containers || process.env.FILEFLEET_CONTAINERS === '1';
    const exitCode = await runVitest(args, files, { containers, withContainers, short, long });
    const notRun = [...missing, ...sources.notRun, ...linesOf(files.notRun)];
    if (!withContainers) {
      notRun.push(
        'tests/containers: they need a container engine and images; type `npm run test:containers`',
      );
    }
    if (short) notRun.push(`${longTests.join(', ')}: they take long; type \`npm run test:long\``);
    report('Not run here:', notRun);
    report('Used here:', linesOf(files.facts));
    const tests = countTests(files.results, exitCode);
    const count = { ...tests, failed: tests.failed + sources.failed };
    console.log(totalLine(count));
    return count.failed === 0 && count.passed > 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** @returns vitest's exit code; timeoutCode when it was ended. */
function runVitest(args, files, { containers, withContainers, short, long }) {
  const projects = containers ? ['--project=containers'] : withContainers ? [] : ['--project=!containers'];
  const command = [
    join(root, 'node_modules', 'vitest', 'vitest.mjs'),
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${files.results}`,
    ...projects,
    ...args,
  ];
  const env = testEnvironment(files, withContainers);
  if (short) env.FILEFLEET_LEFT_OUT = longTests.join(',');
  const timeoutMs = Math.max((long ? longTimeoutMs : wholeTimeoutMs) - performance.now(), 60_000); // since this process began
  return runThrough(projectNode, command, { env, timeoutMs });
}

function testEnvironment(files, withContainers) {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('FILEFLEET_') || passedOn.has(name)),
  );
  delete env.NODE_ENV;
  const containers = withContainers
    ? {
        FILEFLEET_CONTAINERS: '1',
        TESTCONTAINERS_RYUK_DISABLED: process.env.TESTCONTAINERS_RYUK_DISABLED ?? 'true',
      }
    : {};
  return {
    ...env,
    ...containers,
    PATH: projectPath(),
    // Hundreds of processes start in a run; with what Node compiled for the first of them the others take half the time.
    NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'filefleet'),
    FILEFLEET_NOT_RUN_FILE: files.notRun,
    FILEFLEET_TEST_FACTS_FILE: files.facts,
  };
}

function linesOf(file) {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}

function report(title, lines) {
  const unique = [...new Set(lines.map((line) => line.trim()).filter(Boolean))];
  if (unique.length === 0) return;
  console.log(`\n${title}`);
  for (const line of unique) console.log(`  ${line}`);
  console.log('');
}
