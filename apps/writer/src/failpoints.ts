// Named steps at which a test can let the writer die, fail or dawdle, and protections that a test can take out.
// Without FILEFLEET_TEST_* variables in the environment all of it does nothing.

import { writeSync } from 'node:fs';
import type { Protection as StoreProtection } from '@filefleet/store';

export type Protection = StoreProtection | 'reclaim' | 'receipt-first';

export interface TestSwitches {
  /** Passed to whoever has named steps. Undefined: no failpoint is set. */
  readonly probe: ((step: string) => void) | undefined;
  /** Whether the caller should wait at a step; for steps that are asynchronous anyway. */
  readonly without: ReadonlySet<Protection>;
}

interface Failpoint {
  readonly step: string;
  readonly action: string;
  readonly argument: string;
  /** Fires at this passing only (from 1); undefined: at each. */
  readonly nth: number | undefined;
  passed: number;
}

const actions = ['kill', 'exit', 'error', 'delay'];

/** Reads the switches. @param env FILEFLEET_TEST_FAILPOINTS, FILEFLEET_TEST_UNSAFE */
export function readTestSwitches(env: NodeJS.ProcessEnv): TestSwitches {
  const failpoints = (env.FILEFLEET_TEST_FAILPOINTS ?? '').split(',').filter(Boolean).map(parseFailpoint);
  const without = new Set((env.FILEFLEET_TEST_UNSAFE ?? '').split(',').filter(Boolean) as Protection[]);
  return { probe: failpoints.length > 0 ? (step) => pass(failpoints, step) : undefined, without };
}

function parseFailpoint(text: string): Failpoint {
  const match = /^([a-z.:\w-]+)=([a-z]+)(?::(\w+))?(?:@(\d+))?$/i.exec(text);
  if (!match?.[1] || !match[2] || !actions.includes(match[2]))
    throw new Error(`expected a failpoint like name=kill@1 (${actions.join(', ')}), got ${text}`);
  const [, step, action, argument = '', nth] = match;
  return { step, action, argument, nth: nth === undefined ? undefined : Number(nth), passed: 0 };
}

function pass(failpoints: readonly Failpoint[], step: string): void {
  for (const failpoint of failpoints) {
    if (!isAt(failpoint.step, step)) continue;
    failpoint.passed += 1;
    if (failpoint.nth !== undefined && failpoint.passed !== failpoint.nth) continue;
    fire(failpoint);
  }
}

/** `commit.entry:<part>` names the entries whose filename contains the part. */
function isAt(wanted: string, step: string): boolean {
  const [point, part] = wanted.split(':');
  const [at, filename] = step.split(':');
  return part === undefined ? wanted === step : point === at && (filename ?? '').includes(part);
}

function fire({ step, action, argument }: Failpoint): void {
  writeSync(2, `failpoint ${step}: ${action} ${argument}\n`); // at once: this thread may not come to anything else
  if (action === 'kill') process.kill(process.pid, 'SIGKILL');
  if (action === 'kill' || action === 'delay') pauseThread(action === 'kill' ? 10_000 : Number(argument));
  if (action === 'exit') process.exit(1); // in the commit thread this ends the thread only
  if (action === 'error') {
    throw Object.assign(new Error(`failpoint ${step}: ${argument}`), { code: argument });
  }
}

/** Blocks this thread: what the machine does when a disk is slow. */
function pauseThread(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
