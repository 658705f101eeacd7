import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { findChromium } from '../../../../tests/support/chromium.ts';
import { createFilefleet } from '../../../../tests/support/filefleet.ts';
import { notRun } from '../../../../tests/support/not-run.ts';
import { makeGrainyPng, sizeOfPng } from './images.ts';
import { Verdict } from './verdict.ts';

test('a day of the fleet, started for it: every file is read back and compared, shared bytes are stored once', async () => {
  const filefleet = await createFilefleet();
  onTestFinished(() => filefleet.dispose());
  const { exitCode, stdout } = await filefleet.run(['demo', '--json']);
  const summary = JSON.parse(stdout);
  expect(summary).toMatchObject({
    ok: true,
    problems: [],
    processes: 7,
    statistics: { files: 8, sessions: 2 },
  });
  expect(exitCode).toBe(0);
  expect(summary.statistics.savedBytes).toBeGreaterThan(2_000_000);
  const hasBrowser = findChromium() !== undefined;
  if (!hasBrowser) notRun('the demo took no real screenshot: it needs chromium');
  expect(summary.screenshot).toEqual(hasBrowser ? 'chromium' : expect.stringContaining('stands in'));
  expect(existsSync(join(filefleet.dataDir, 'run.json'))).toBe(false);
}, 120_000);

test('the picture that stands in for a screenshot is a PNG of more than 2 MB', () => {
  const bytes = makeGrainyPng(1280, 1024);
  expect(bytes.length).toBeGreaterThan(2 * 1024 * 1024);
  expect(sizeOfPng(bytes)).toEqual({ width: 1280, height: 1024 });
});

test('one expectation that does not hold spoils the verdict', () => {
  const verdict = new Verdict();
  verdict.expect('the sum', 2, 2);
  verdict.expect('the bytes', false, true);
  expect(verdict.problems).toEqual(['the bytes: expected true, got false']);
});
