#!/usr/bin/env node
// filefleet-conformance: checks an agent in any language. Give it an empty Redis, point the agent at the same one, and let
// the agent store at least six files in one session. Exit code 0: it conforms; 1: it does not; 2: no exam could be held.

import { parseArgs } from 'node:util';
import { operationsNeeded, type Report } from './exam.ts';
import { holdExam } from './hold-exam.ts';

const usage = `usage: filefleet-conformance --redis redis://127.0.0.1:6379 --vm vm5 [--patience 60]

Watches that Redis, plays the writer, and says what is wrong with the jobs that come. Let the agent store
${operationsNeeded} files in one session, from 1 byte to more than 256 KiB, and wait for each receipt.
  --vm        the name of the VM that the agent says it is
  --patience  seconds without a job after which the exam is over`;

const { values } = parseArgs({
  options: {
    redis: { type: 'string' },
    vm: { type: 'string' },
    patience: { type: 'string', default: '60' },
    help: { type: 'boolean' },
  },
});
const seconds = Number(values.patience);
if (!values.redis || !values.vm || values.help || !(seconds > 0)) {
  console.error(usage);
  process.exit(values.help ? 0 : 2);
}

let complaints = 0;
const report: Report = {
  complain: (operation, complaint) => {
    complaints += 1;
    console.log(`WRONG  ${operation}: ${complaint}`);
  },
  note: (operation, what) => console.log(`       ${operation}: ${what}`),
};
try {
  const { redis, vm } = values;
  const { settled } = await holdExam({ redis, vm, patienceMs: seconds * 1_000, report });
  const verdict = complaints === 0 ? 'conforms' : `${complaints} complaints`;
  console.log(`${settled} operations settled: ${verdict}`);
  process.exitCode = complaints === 0 ? 0 : 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
