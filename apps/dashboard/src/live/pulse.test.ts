import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { noteEveryMs } from '../history/history.ts';
import type { FleetLook } from './eye.ts';
import { Pulse } from './pulse.ts';

let looks: number;
let noted: number[];
let pulse: Pulse;

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) });
  [looks, noted] = [0, []];
  pulse = new Pulse({
    eye: {
      look: async (atMs): Promise<FleetLook> => {
        looks += 1;
        return { atMs, redis: undefined, store: { problem: '' }, disk: undefined, backups: [] };
      },
    },
    history: { note: (atMs) => void noted.push(atMs) },
    now: () => Date.now(),
    onFailure: (error) => {
      throw error;
    },
  });
});
afterEach(() => {
  pulse.stop();
  vi.useRealTimers();
});

const minute = 60_000;

test('when nobody watches there is a look for each step of the history, and no more', async () => {
  pulse.start();
  await vi.advanceTimersByTimeAsync(minute);
  expect(looks).toBe(13);
  expect(noted).toHaveLength(13);
});

test('twenty viewers look once a second together, and once they are gone it is as before', async () => {
  pulse.start();
  await vi.advanceTimersByTimeAsync(100);
  let beats = 0;
  const count = () => {
    beats += 1;
  };
  looks = 0;
  const leave = Array.from({ length: 20 }, () => pulse.watch(() => count()));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(looks).toBe(11);
  expect(beats).toBe(20 * 11);
  for (const go of leave) go();
  looks = 0;
  await vi.advanceTimersByTimeAsync(minute);
  expect(looks).toBeLessThanOrEqual(minute / noteEveryMs + 1);
  expect(noted.every((atMs, index) => index === 0 || atMs > (noted[index - 1] ?? 0))).toBe(true);
});

test('a page that is opened while somebody watches costs no look of its own', async () => {
  pulse.start();
  pulse.watch(() => {});
  await vi.advanceTimersByTimeAsync(5_500);
  looks = 0;
  await Promise.all(Array.from({ length: 50 }, () => pulse.fresh()));
  expect(looks).toBe(0);
});

test('a stopped pulse does not look any more', async () => {
  pulse.start();
  pulse.watch(() => {});
  await vi.advanceTimersByTimeAsync(1_000);
  pulse.stop();
  looks = 0;
  await vi.advanceTimersByTimeAsync(minute);
  expect(looks).toBe(0);
});
