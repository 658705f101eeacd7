// Does the bench run, and does it say what it promises to say? No time is asserted: a test machine has other things to do.

import { verifyStore } from '@filefleet/store';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { fillStore } from './fixture/fill.ts';
import { keep } from './readme.ts';
import { median, pair, quantile, resultOf } from './results.ts';
import { withFolder } from './rig/folder.ts';
import { projectRoot } from './rig/processes.ts';
import { type RowName, rows } from './targets.ts';

const figure = z.number().positive();
const schema = z.strictObject({
  results: z.array(
    z.object({
      name: z.enum(Object.keys(rows) as [string, ...string[]]),
      ours: figure,
      peer: figure.nullable(),
      ratio: figure.nullable(),
      target: figure.nullable(),
      unit: z.enum(['operations/s', 'ms', 'MiB', 'bytes']),
      met: z.boolean().nullable(),
      runs: z.array(z.object({ ours: figure, peer: figure.nullable() })).min(1),
    }),
  ),
  notMeasured: z.array(z.string()),
  machine: z.object({ cores: z.int().positive(), processor: z.string(), fileSystem: z.string() }),
  versions: z.record(z.string(), z.string()),
  short: z.literal(true),
});

const bench = (...args: string[]) =>
  execa(process.execPath, ['tests/bench/main.ts', ...args], { cwd: projectRoot, reject: false });

test('a short run of one case gives one JSON value with ours, peers, targets and runs', async () => {
  const { stdout, stderr, exitCode } = await bench('--short', '--only', 'files-2m', '--json');
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  const { results } = schema.parse(JSON.parse(stdout));
  expect(results.map(({ name }) => name)).toEqual(['files-2m.disk', 'files-2m.bytes-only', 'files-2m.bound']);
});

test('a profiled run says whose time it was, thread by thread', async () => {
  const { stdout, stderr, exitCode } = await bench('--short', '--profile', 'files-4k');
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(stdout).toMatch(/== main: \d+\.\d % of the wall time accounted for/);
  expect(stdout).toContain('bullmq');
});

test('the database that is filled for a case is one that the writer could have left', async () => {
  await withFolder(async (dataDir) => {
    await fillStore(dataDir, 600);
    for await (const step of verifyStore({ dataDir, deep: true })) expect(step).toMatchObject({ faults: [] });
  });
});

test('a case that nobody knows is refused with the names of all', async () => {
  const { stderr, exitCode } = await bench('--only', 'files');
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/expected the case to be one of files-4k, .*, got "files"/);
});

test('a result compares medians, and a target is met from its own value on', () => {
  const values = (...all: number[]) => all.map((value) => ({ value }));
  const reached = resultOf(pair('files-4k.one-transaction', values(9, 8, 7), values(1, 1, 4)));
  expect(reached).toMatchObject({ ours: 8, peer: 1, ratio: 8, target: 8, met: true });
  const slow = resultOf({ name: 'lonely-store.p50', runs: [{ ours: 5.5, peer: 2 }] });
  expect(slow).toMatchObject({ target: 3, met: false });
  expect(resultOf(pair('open.fresh', values(1), []))).toMatchObject({ peer: null, ratio: null, met: null });
});

test('quantiles interpolate between neighbours', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(quantile([1, 2, 3, 4, 5], 1)).toBe(5);
  expect(median([])).toBeNaN();
});

test('a run of some cases replaces their rows, keeps the others of this machine, and none of another one', () => {
  const machine = { processor: 'one', cores: 2, memoryGiB: 24, system: 'linux', fileSystem: 'ext4' };
  const run = (name: RowName, ours: number, at: string, processor = 'one') => ({
    results: [resultOf({ name, runs: [{ ours, peer: null }] })],
    machine: { ...machine, processor, at, loadAtStart: 0.5 },
    versions: { node: '24' },
    short: false,
  });
  const nothing = { machine: '', versions: {}, rows: [] };
  const first = keep(keep(nothing, run('open.fresh', 90, '1st')), run('many-files.open', 80, '2nd'));
  expect(first.rows.map(({ name, ours, at }) => [name, ours, at])).toEqual([
    ['many-files.open', 80, '2nd'],
    ['open.fresh', 90, '1st'],
  ]);
  const again = keep(first, run('open.fresh', 70, '3rd'));
  expect(again.rows.map(({ name, ours }) => [name, ours])).toEqual([
    ['many-files.open', 80],
    ['open.fresh', 70],
  ]);
  expect(keep(again, run('open.fresh', 50, '4th', 'two')).rows).toHaveLength(1);
});
