import { existsSync, statSync, writeFileSync } from 'node:fs';
import { lowWaterBytes } from '@filefleet/protocol';
import { expect, onTestFinished, test, vi } from 'vitest';
import { makeFolder } from '../../../tests/support/data-folder.ts';
import { ballastPath, DiskWatch, isTight, type Room } from './disk.ts';
import type { EventName } from './events.ts';

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
/** A disk whose low-water mark is 20 MiB. */
const totalBytes = 1_000 * MiB;
const ballastBytes = 3 * MiB;

test.each([
  [0, 0],
  [100 * GiB, GiB],
  [50 * GiB, GiB],
  [10 * GiB, 0.2 * GiB],
])('of a disk of %d bytes the mark is 2 %%, at most 1 GiB', (total, mark) => {
  expect(lowWaterBytes(total)).toBeCloseTo(mark, 0);
});

test.each([
  ['above the mark', 20 * MiB, false, ballastBytes, false],
  ['below it', 20 * MiB - 1, false, 0, true],
  ['back above it, but not by the ballast that is missing', 22 * MiB, true, ballastBytes, true],
  ['back above it by the ballast', 23 * MiB, true, ballastBytes, false],
  ['back above it, with the ballast in place', 20 * MiB, true, 0, false],
])('%s', (_what, freeBytes, wasTight, missing, tight) => {
  expect(isTight({ freeBytes, totalBytes }, wasTight, missing)).toBe(tight);
});

/** A watch over a real folder; what is free is what the test says. */
function makeWatch(options: { ballastBytes?: number } = {}) {
  const dataDir = makeFolder();
  const room = { freeBytes: 500 * MiB, totalBytes };
  const events: [EventName, object][] = [];
  let measure: () => Promise<Room> = async () => room;
  const watch = new DiskWatch({
    dataDir,
    ballastBytes,
    emit: (event, facts) => void events.push([event, facts]),
    measure: () => measure(),
    ...options,
  });
  onTestFinished(() => watch.stop());
  const names = () => events.map(([event]) => event);
  const fail = (error: Error) => {
    measure = () => Promise.reject(error);
  };
  return { watch, room, events, names, dataDir, ballast: ballastPath(dataDir), fail };
}

test('with room, the ballast is taken in real blocks and stores do not wait', async () => {
  const { watch, events, ballast } = makeWatch();
  await watch.start();
  const { size, blocks } = statSync(ballast);
  expect([size, blocks * 512 >= ballastBytes]).toEqual([ballastBytes, true]);
  expect(events).toEqual([['disk.ballast', { state: 'taken', bytes: ballastBytes }]]);
  expect(watch.pressure).toBe('none');
  await watch.whenRoom();
});

test('the ballast of the writer before is found, and not taken twice', async () => {
  const { watch, events, ballast } = makeWatch();
  writeFileSync(ballast, Buffer.alloc(ballastBytes));
  await watch.start();
  expect(events).toEqual([]);
});

test('half a ballast, left by one that died, is made whole', async () => {
  const { watch, ballast } = makeWatch();
  writeFileSync(ballast, Buffer.alloc(10));
  await watch.start();
  expect(statSync(ballast).size).toBe(ballastBytes);
});

test('below the mark stores wait, and go on when there is room', async () => {
  const { watch, room, names } = makeWatch();
  room.freeBytes = 1 * MiB;
  await watch.start();
  expect(watch.pressure).toBe('disk');
  const went: number[] = [];
  const waiting = [1, 2].map((n) => watch.whenRoom().then(() => went.push(n)));
  await watch.look();
  expect(went).toEqual([]);
  room.freeBytes = 500 * MiB;
  await watch.look();
  await Promise.all(waiting);
  expect([watch.pressure, went]).toEqual(['none', [1, 2]]);
  expect(names()).toEqual(['disk.pressure', 'disk.pressure', 'disk.ballast']);
});

test('SQLite finds the disk full: the ballast goes at once, once, and comes back when there is room for it', async () => {
  const { watch, room, ballast, names } = makeWatch();
  await watch.start();
  room.freeBytes = 0;
  await Promise.all([watch.noteFull(true), watch.noteFull(true)]);
  expect([existsSync(ballast), watch.pressure]).toEqual([false, 'disk']);
  room.freeBytes = 21 * MiB;
  await watch.look();
  expect([existsSync(ballast), watch.pressure]).toEqual([false, 'disk']);
  room.freeBytes = 24 * MiB;
  await watch.look();
  expect([statSync(ballast).size, watch.pressure]).toEqual([ballastBytes, 'none']);
  expect(names()).toEqual(['disk.ballast', 'disk.pressure', 'disk.ballast', 'disk.pressure', 'disk.ballast']);
});

test('a blob finds the disk full: stores wait, the ballast stays for the database', async () => {
  const { watch, ballast } = makeWatch();
  await watch.start();
  await watch.noteFull(false);
  expect([existsSync(ballast), watch.pressure]).toEqual([true, 'disk']);
});

test('without ballast nothing is kept back', async () => {
  const { watch, ballast, events } = makeWatch({ ballastBytes: 0 });
  await watch.start();
  await watch.noteFull(true);
  expect(existsSync(ballast)).toBe(false);
  expect(events.map(([event]) => event)).toEqual(['disk.pressure']);
});

test('a disk that cannot be measured is told of; what was known stays', async () => {
  const { watch, fail, events } = makeWatch();
  fail(new Error('no such file system'));
  await watch.start();
  expect(events).toEqual([['disk.unmeasured', { message: 'no such file system' }]]);
  expect(watch.pressure).toBe('none');
});

test('looks that come together are one look', async () => {
  const { watch } = makeWatch();
  expect(watch.look()).toBe(watch.look());
  await watch.look();
});

test('a stop before the first look is over leaves no timer', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const { watch } = makeWatch();
  const started = watch.start();
  watch.stop();
  await started;
  expect(vi.getTimerCount()).toBe(0);
});

test('the real disk has room and a size', async () => {
  const events: EventName[] = [];
  const dataDir = makeFolder();
  const watch = new DiskWatch({ dataDir, ballastBytes: 0, emit: (event) => void events.push(event) });
  await watch.look();
  expect(events).not.toContain('disk.unmeasured');
});
