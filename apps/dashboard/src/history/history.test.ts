import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { summariseFigures } from './figures.ts';
import { History, noteEveryMs } from './history.ts';
import { headerBytes, recordBytes } from './ring.ts';

const beginMs = Date.UTC(2026, 0, 1, 12);
let folder: string;
let problems: string[];
let histories: History[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'filefleet-history-'));
  [problems, histories] = [[], []];
});
afterEach(async () => {
  for (const history of histories) await history.close();
  await rm(folder, { recursive: true });
});

async function openHistory(dir: string | undefined = join(folder, 'dashboard')): Promise<History> {
  const history = new History(dir, (_event, fields) => void problems.push(JSON.stringify(fields)));
  histories.push(history);
  await history.keep();
  return history;
}

/** Notes so many moments, 5 s apart, each with its number. */
function noteMany(history: History, count: number, fromMs = beginMs): number {
  for (let step = 0; step < count; step += 1) {
    history.note(fromMs + step * noteEveryMs, { operationsPerSecond: step, queueDepth: step });
  }
  return fromMs + (count - 1) * noteEveryMs;
}

test('figures survive a restart of the dashboard, and what they said is whole', async () => {
  const first = await openHistory();
  const lastMs = noteMany(first, 30);
  await first.close();
  const second = await openHistory();
  const { points, kept } = second.read('hour', lastMs);
  expect(kept).toBe(true);
  expect(points).toHaveLength(30);
  expect(points.at(-1)).toEqual({ atMs: lastMs, operationsPerSecond: 29, queueDepth: 29 });
  expect(problems).toEqual([]);
});

test('a torn record counts as absent, its neighbours as they were', async () => {
  const first = await openHistory();
  const lastMs = noteMany(first, 5);
  await first.close();
  const path = join(folder, 'dashboard', 'figures-hour.ring');
  const shape = { stepMs: noteEveryMs, slots: 721, fields: 12 };
  const slot = Math.floor((beginMs + 2 * noteEveryMs) / noteEveryMs) % 721;
  const file = await open(path, 'r+');
  await file.write(Buffer.alloc(40, 0xff), 0, 40, headerBytes + slot * recordBytes(shape) + 20);
  await file.close();
  const points = (await openHistory()).read('hour', lastMs).points;
  expect(points.map(({ queueDepth }) => queueDepth)).toEqual([0, 1, 3, 4]);
});

test.each([
  ['cut short', (path: string) => writeFile(path, 'ffring1\n')],
  ['of something else', (path: string) => writeFile(path, Buffer.alloc(100_000, 0x41))],
])('a file that is %s is begun anew', async (_what, damage) => {
  await (await openHistory()).close();
  await damage(join(folder, 'dashboard', 'figures-hour.ring'));
  const second = await openHistory();
  const lastMs = noteMany(second, 2);
  await second.close();
  expect((await openHistory()).read('hour', lastMs).points).toHaveLength(2);
});

test('an hour, a week and a year are kept, in files that never grow', async () => {
  const history = await openHistory();
  const sizes = async () => {
    const names = await readdir(join(folder, 'dashboard'));
    return await Promise.all(names.map(async (name) => (await stat(join(folder, 'dashboard', name))).size));
  };
  const before = await sizes();
  const lastMs = noteMany(history, 1_500);
  expect(history.read('hour', lastMs).points).toHaveLength(721);
  const week = history.read('week', lastMs).points;
  expect(week).toHaveLength(25);
  expect(week[1]).toMatchObject({ operationsPerSecond: 89.5, queueDepth: 119 });
  expect(history.read('year', lastMs).points).toHaveLength(3);
  await history.close();
  expect(await sizes()).toEqual(before);
  expect(Math.max(...before)).toBeLessThan(1_000_000);
});

test('without a folder that can be written to, figures are kept for this run, and why is said once', async () => {
  const history = await openHistory(join(folder, 'no-such-parent', 'dashboard'));
  const lastMs = noteMany(history, 40);
  await history.keep();
  expect(history.read('hour', lastMs)).toMatchObject({ kept: false });
  expect(history.read('hour', lastMs).points).toHaveLength(40);
  expect(problems).toEqual([expect.stringContaining('ENOENT')]);
});

test('a folder that comes later takes over what came meanwhile', async () => {
  const dir = join(folder, 'later', 'dashboard');
  const history = await openHistory(dir);
  const lastMs = noteMany(history, 3);
  await mkdir(join(folder, 'later'));
  await history.keep();
  expect(history.isKept).toBe(true);
  await history.close();
  expect((await openHistory(dir)).read('hour', lastMs).points).toHaveLength(3);
  expect((await readFile(join(dir, 'figures-hour.ring'))).length).toBeGreaterThan(headerBytes);
});

test('many moments as one: the worst of latencies, the mean of rates, the last of sizes', () => {
  expect(
    summariseFigures([
      { p99Ms: 9, medianMs: 2, storedBytes: 5 },
      {},
      { p99Ms: 3, medianMs: 4, storedBytes: 7 },
    ]),
  ).toEqual({ p99Ms: 9, medianMs: 3, storedBytes: 7 });
});
