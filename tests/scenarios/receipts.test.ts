// Rows before receipt: at the moment when an agent has its receipt, somebody else can read row, ledger and bytes.

import { expect, test } from 'vitest';
import { useFleet } from '../support/fleet.ts';
import { expectEachOnce, produce } from '../support/producing.ts';

const fleet = useFleet();

test('at the moment of each of 600 receipts, another process finds the row and the bytes', async () => {
  const writer = fleet.startWriter();
  const { dataDir } = fleet;
  const vms = await Promise.all(
    ['vm1', 'vm2', 'vm5'].map((name) => fleet.startVm(name, { witness: dataDir })),
  );
  await writer.ready;
  const produced = vms.flatMap((vm) => produce(vm, { files: 200, sessions: [vm.name, 'shared'] }));
  // Each agent looks for itself before it says that it has a receipt; what it does not find rejects here.
  const receipts = await Promise.all(produced.map(({ settled }) => settled));
  expect(receipts).toHaveLength(600);
  await expectEachOnce(dataDir, produced);
});
