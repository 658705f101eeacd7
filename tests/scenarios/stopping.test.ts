// SIGTERM ends the writer with 0 within 5 seconds, whatever it is doing and whatever has become of Redis.

import { expect, test } from 'vitest';
import { findFaults } from '../support/database.ts';
import { useFleet } from '../support/fleet.ts';
import { expectEachOnce, produce } from '../support/producing.ts';
import type { WriterProcess } from '../support/writer.ts';

const fleet = useFleet();

async function expectCleanStop(writer: WriterProcess, withinMs = 5_000): Promise<void> {
  const { afterMs, ...exit } = await writer.stop();
  expect(exit).toEqual({ code: 0, signal: null });
  expect(afterMs).toBeLessThan(withinMs);
  expect(countOf(writer, 'writer.stopped')).toBe(1);
}

const countOf = (writer: WriterProcess, event: string) =>
  writer.lines.filter((line) => line.event === event).length;

test('SIGTERM while idle', async () => {
  const writer = fleet.startWriter();
  await writer.ready;
  await expectCleanStop(writer);
  expect(findFaults(fleet.dataDir)).toEqual([]);
});

test('SIGTERM under load: what was not settled is settled by the successor, each file once', async () => {
  const first = fleet.startWriter();
  const vm = await fleet.startVm('vm2');
  await first.ready;
  const files = 2_000; // many groups: the writer cannot be through with them when it is told to stop
  const some = Promise.withResolvers<void>();
  let receipts = 0;
  const onReceipt = () => {
    receipts += 1;
    if (receipts === 50) some.resolve();
  };
  const produced = produce(vm, { files, sessions: ['a', 'b', 'c'], onReceipt });
  await some.promise;
  await expectCleanStop(first);
  expect(receipts).toBeLessThan(files);
  await fleet.startWriter().ready;
  await expectEachOnce(fleet.dataDir, produced);
});

test('SIGTERM with Redis gone, which is not waited for', async () => {
  const writer = fleet.startWriter();
  await writer.ready;
  await fleet.redis.stop();
  await writer.waitForEvent('redis.error');
  await expectCleanStop(writer, 3_500); // what is left of its time for what is under way
});

test('SIGTERM with Redis hanging in the middle of work; a second SIGTERM changes nothing', async () => {
  const writer = fleet.startWriter();
  const vm = await fleet.startVm('vm2');
  await writer.ready;
  const produced = produce(vm, { files: 200, sessions: ['a'] });
  for (const { settled } of produced) settled.catch(() => undefined); // the agent ends before they settle
  await writer.waitForEvent('group.committed');
  fleet.redis.pause();
  try {
    const stopped = expectCleanStop(writer);
    await writer.waitForEvent('writer.stopping');
    writer.signal('SIGTERM');
    await stopped;
    expect(countOf(writer, 'writer.stopping')).toBe(1);
    expect(findFaults(fleet.dataDir)).toEqual([]);
  } finally {
    fleet.redis.resume();
  }
});

test('SIGTERM while waiting for Redis at the start', async () => {
  await fleet.redis.stop();
  const writer = fleet.startWriter();
  await writer.waitForEvent('redis.error');
  await expectCleanStop(writer);
  expect(countOf(writer, 'writer.ready')).toBe(0);
});
