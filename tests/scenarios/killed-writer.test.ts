// kill -9 of the writer in the middle of 1,000 stores: each file once, every receipt true, and quickly back at work.

import { expect, test } from 'vitest';
import { findFaults, value } from '../support/database.ts';
import { useFleet } from '../support/fleet.ts';
import { expectEachOnce, produce } from '../support/producing.ts';

const fleet = useFleet();
const agents = { vm1: 330, vm2: 330, vm4: 340 };
const sessions = ['s1', 's2', 's3', 's4'];

test('kill -9 of the writer in the middle of 1,000 stores: 1,000 files, each once, all receipts true', async () => {
  const first = fleet.startWriter();
  const vms = await fleet.startVms(...Object.keys(agents));
  await first.ready;
  const enough = Promise.withResolvers<void>();
  let receipts = 0;
  const onReceipt = () => {
    receipts += 1;
    if (receipts === 250) enough.resolve();
  };
  const produced = vms.flatMap((vm) =>
    produce(vm, { files: agents[vm.name as keyof typeof agents], sessions, onReceipt }),
  );
  expect(produced).toHaveLength(1000);
  await enough.promise;
  expect(await first.kill()).toMatchObject({ signal: 'SIGKILL' });
  const receiptsBefore = receipts;
  expect(receiptsBefore).toBeLessThan(1000);

  const second = fleet.startWriter();
  const ready = await second.ready;
  const committed = await second.waitForEvent('group.committed');
  const backAfterMs = committed.time - second.startedAtMs;
  console.log(
    `killed after ${receiptsBefore} of 1,000 receipts; ${String(ready.reclaimed)} jobs taken back; ` +
      `from start to first commit ${backAfterMs} ms, of which ${ready.time - second.startedAtMs} ms to ready`,
  );
  expect(backAfterMs).toBeLessThan(30_000); // BullMQ alone would take 30 to 60 s; the machine may be busy

  await expectEachOnce(fleet.dataDir, produced);
  expect(value(fleet.dataDir, 'SELECT count(*) FROM conversation_files')).toBe(1000);
  expect(value(fleet.dataDir, 'SELECT count(*) FROM writer_epochs')).toBe(2);
  expect(findFaults(fleet.dataDir)).toEqual([]);
});
