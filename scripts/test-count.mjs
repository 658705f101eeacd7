// From vitest's JSON report to three numbers. Whatever went wrong without being a test counts as one failed.

import { existsSync, readFileSync } from 'node:fs';
import { timeoutCode } from './project.mjs';

/**
 * @param {string} file vitest's JSON report; absent when vitest crashed.
 * @param {number} exitCode vitest's.
 * @returns {{ passed: number, failed: number, skipped: number }}
 */
export function countTests(file, exitCode) {
  const report = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
  if (exitCode === timeoutCode) console.log('The tests took too long and were ended.');
  const count = {
    passed: report?.numPassedTests ?? 0,
    failed: (report?.numFailedTests ?? 0) + brokenFiles(report),
    skipped: (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0),
  };
  // An unhandled error fails vitest without failing a test.
  if (exitCode !== 0 && count.failed === 0) count.failed = 1;
  if (count.passed + count.failed + count.skipped === 0) console.log('No test ran.');
  return count;
}

export function totalLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

/** Files that failed before, or besides, any of their tests: an import that throws, a hook that fails. */
function brokenFiles(report) {
  const broken = (report?.testResults ?? []).filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  );
  return broken.length;
}
