// One writer: a second one on the same data folder refuses at once and says who is in its way.

import { databasePath } from '@filefleet/store';
import SQLite from 'better-sqlite3';
import { expect, test } from 'vitest';
import { value } from '../support/database.ts';
import { within } from '../support/deadline.ts';
import { useFleet } from '../support/fleet.ts';
import type { WriterProcess } from '../support/writer.ts';

const fleet = useFleet();

async function expectRefusal(second: WriterProcess, holder: WriterProcess): Promise<void> {
  expect(await within(second.exited, 'the second writer to refuse')).toEqual({ code: 75, signal: null });
  const starting = await second.waitForEvent('writer.starting');
  const failed = await second.waitForEvent('writer.failed');
  expect(failed).toMatchObject({ code: 'LOCK_HELD', exitCode: 75 });
  expect(failed.time - starting.time).toBeLessThan(5_000); // at once, as far as a busy machine goes
  expect(failed.message).toContain(`the writer with pid ${holder.pid} on `);
  expect(failed.message).toContain('writer.lock');
  expect(second.lines.map(({ event }) => event)).not.toContain('writer.opened');
}

test('a second writer refuses to start while the first goes on', async () => {
  const first = fleet.startWriter();
  const vm = await fleet.startVm('vm1');
  await first.ready;
  const store = (filename: string) => vm.client.store({ sessionId: 's1', filename, content: filename });
  await store('before');
  await expectRefusal(fleet.startWriter(), first);
  await store('after');
  expect(value(fleet.dataDir, 'SELECT count(*) FROM conversation_files')).toBe(2);
  expect(value(fleet.dataDir, 'SELECT max(epoch) FROM writer_epochs')).toBe(1);
});

test('a second writer refuses to start while the first is stopped by a signal', async () => {
  const first = fleet.startWriter();
  const vm = await fleet.startVm('vm1');
  await first.ready;
  first.signal('SIGSTOP');
  const stored = vm.client.store({ sessionId: 's1', filename: 'patient', content: 'patient' });
  try {
    await expectRefusal(fleet.startWriter(), first);
  } finally {
    first.signal('SIGCONT');
  }
  expect(await stored).toMatchObject({ outcome: 'applied' });
  expect(value(fleet.dataDir, 'SELECT max(epoch) FROM writer_epochs')).toBe(1);
});

test('after the first has ended the next one starts, and its epoch is higher', async () => {
  const first = fleet.startWriter();
  await first.ready;
  await first.kill();
  expect(await fleet.startWriter().ready).toMatchObject({ epoch: 2 });
});

test('a writer that finds the database locked waits, says so, and starts when it is free', async () => {
  const first = fleet.startWriter();
  await first.ready;
  await first.stop();
  const other = new SQLite(databasePath(fleet.dataDir));
  other.exec('BEGIN IMMEDIATE');
  const second = fleet.startWriter();
  const waiting = await second.waitForEvent('writer.waiting', (line) => line.for === 'storage');
  expect(waiting.reason).toMatch(/locked|busy/i);
  other.exec('ROLLBACK');
  other.close();
  await second.ready;
});
