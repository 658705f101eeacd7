import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { makeFolder } from '../../../tests/support/data-folder.ts';
import { notRun } from '../../../tests/support/not-run.ts';
import { createEvents } from './events.ts';
import { logSubscriber } from './log.ts';

/** Events that become lines of a file. */
function makeLog(level: string, path: string, nowMs?: () => number) {
  const fd = openSync(path, 'a');
  onTestFinished(() => closeSync(fd));
  const events = createEvents();
  events.subscribe(logSubscriber(level, fd, nowMs));
  return events.emit;
}

const linesOf = (path: string) =>
  readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test('every event is a line of JSON with its name and facts, written before the call returns', () => {
  const path = join(makeFolder(), 'log');
  const emit = makeLog('info', path);
  emit('writer.stopped', { clean: true, abandoned: 0 });
  emit('disk.unmeasured', { message: 'x' });
  expect(linesOf(path)).toMatchObject([
    { name: 'writer', level: 30, event: 'writer.stopped', clean: true, abandoned: 0 },
    { name: 'writer', level: 40, event: 'disk.unmeasured', message: 'x' },
  ]);
});

test('what is below the level is not written', () => {
  const path = join(makeFolder(), 'log');
  const emit = makeLog('warn', path);
  emit('writer.stopping', { reason: 'SIGTERM' });
  emit('writer.waiting', { for: 'redis', reason: 'x' });
  expect(linesOf(path)).toHaveLength(1);
});

test('a Redis that stays away is told of every ten seconds, not at each attempt; other words at once', () => {
  const path = join(makeFolder(), 'log');
  let nowMs = 0;
  const emit = makeLog('info', path, () => nowMs);
  for (; nowMs <= 20_000; nowMs += 500) emit('redis.error', { connection: 'main', message: 'away' });
  emit('redis.error', { connection: 'main', message: 'NOAUTH' });
  expect(linesOf(path).map(({ message }) => message)).toEqual(['away', 'away', 'away', 'NOAUTH']);
});

const hasFullDevice = existsSync('/dev/full');
if (!hasFullDevice) notRun('the log of the writer on a full disk: it needs /dev/full, which Linux has');

test.skipIf(!hasFullDevice)('a log on a full disk ends nobody, and holds little back', async () => {
  const emit = makeLog('info', '/dev/full');
  const reason = 'x'.repeat(10_000);
  const before = process.memoryUsage().heapUsed;
  for (let n = 0; n < 5_000; n++) emit('writer.stopping', { reason });
  await new Promise((resolve) => setImmediate(resolve));
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(30 * 1024 ** 2);
});

test('all subscribers get an event, in the order of their subscription', () => {
  const { emit, subscribe } = createEvents();
  const heard: string[] = [];
  subscribe(({ event }) => void heard.push(`first ${event}`));
  subscribe(({ event }) => void heard.push(`second ${event}`));
  emit('writer.suspects', { jobs: 2 });
  expect(heard).toEqual(['first writer.suspects', 'second writer.suspects']);
});
