// Scenario 5: everybody wants the database at once, and it is not even there yet.

import { expect, test } from 'vitest';
import { findFaults, rows, sha256, storedBytes, value } from '../support/database.ts';
import { jsonFile } from '../support/files.ts';
import { useFleet } from '../support/fleet.ts';

const fleet = useFleet();
const names = ['vm0', 'vm1', 'vm2', 'vm3', 'vm4', 'vm5'] as const;

test('Concurrent initialisation', async () => {
  const { dataDir } = fleet;
  const vms = await fleet.startVms(...names);
  expect(new Set(vms.map(({ pid }) => pid)).size).toBe(6);
  const writer = fleet.startWriter();
  await writer.waitForEvent('writer.starting');
  // All six are connected and wait: these calls reach them in the same moment, while the schema is being made.
  const asked = vms.map((vm) => vm.client.initialize());
  expect(writer.lines.some(({ event }) => event === 'writer.ready')).toBe(false);
  const receipts = await Promise.all(asked);

  const schemaVersion = String(value(dataDir, 'SELECT max(version) FROM schema_migrations'));
  for (const receipt of receipts) expect(receipt).toMatchObject({ outcome: 'applied', schemaVersion });
  expect(new Set(receipts.map(({ operationId }) => operationId)).size).toBe(6);
  const versions = rows<{ version: string; entries: number }>(
    dataDir,
    'SELECT version, count(*) AS entries FROM schema_migrations GROUP BY version',
  );
  for (const version of versions) expect(version.entries).toBe(1);
  expect(versions.map(({ version }) => version)).toContain('001');
  expect(value(dataDir, 'SELECT count(*) FROM writer_epochs')).toBe(1);
  expect(findFaults(dataDir)).toEqual([]);

  const stored = await Promise.all(
    vms.map(async ({ name, client }) => {
      const file = jsonFile(`${name}.json`, { from: name });
      const receipt = await client.store({ sessionId: 'all', filename: file.filename, content: file.bytes });
      return { name, file, receipt };
    }),
  );
  for (const { file, receipt } of stored) {
    expect(sha256(storedBytes(dataDir, receipt.operationId))).toBe(file.digest);
  }
  const found = rows<{ vm: string }>(dataDir, 'SELECT vm FROM conversation_files ORDER BY vm');
  expect(found.map(({ vm }) => vm)).toEqual(names);
  expect(findFaults(dataDir)).toEqual([]);
});
