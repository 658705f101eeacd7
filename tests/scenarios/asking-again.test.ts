// Once: whoever asks again under the same operation id gets the first receipt, in another process, after
// Redis was emptied, applied or refused; under another intent it is a CONFLICT.

import { makeOperationId } from '@filefleet/protocol';
import { Redis } from 'ioredis';
import { beforeAll, expect, test } from 'vitest';
import { rows, value } from '../support/database.ts';
import { useFleet } from '../support/fleet.ts';

const fleet = useFleet({ shared: true });
beforeAll(() => fleet.startWriter().ready);

const request = (operationId: string) => ({
  operationId,
  sessionId: 's1',
  filename: 'once.txt',
  content: 'once',
});

async function emptyRedis(): Promise<void> {
  const redis = new Redis(fleet.redis.url);
  await redis.flushall();
  redis.disconnect();
}

test('an applied operation asked again has the first receipt and no second effect', async () => {
  const operationId = makeOperationId();
  const first = await fleet.startVm('vm2');
  const receipt = await first.client.store(request(operationId));
  expect(await first.client.store(request(operationId))).toEqual(receipt);
  await first.end();

  const second = await fleet.startVm('vm2');
  expect(await second.client.store(request(operationId))).toEqual(receipt);
  await emptyRedis(); // the ledger is the memory, not Redis
  expect(await second.client.store(request(operationId))).toEqual(receipt);
  const third = await fleet.startVm('vm2');
  expect(await third.client.store(request(operationId))).toEqual(receipt);

  const count = (table: string, key: string) =>
    value(fleet.dataDir, `SELECT count(*) FROM ${table} WHERE ${key} = ?`, operationId);
  expect(count('conversation_files', 'file_id')).toBe(1);
  expect(count('audit_entries', 'operation_id')).toBe(1);
  expect(count('ledger', 'operation_id')).toBe(1);
});

test('a refused operation asked again has the first refusal, also when it would succeed by now', async () => {
  const [fileId, operationId] = [makeOperationId(), makeOperationId()];
  const remove = { operationId, sessionId: 's1', fileId };
  const first = await fleet.startVm('vm2');
  const refusal = await first.client.delete(remove).catch((error: unknown) => error);
  expect(refusal).toMatchObject({ code: 'REFUSED', refusal: 'FILE_NOT_FOUND' });
  await first.client.store(request(fileId));
  await first.end();
  await emptyRedis();

  const second = await fleet.startVm('vm2');
  const again = await second.client.delete(remove).catch((error: unknown) => error);
  expect(again).toMatchObject({ receipt: (refusal as { receipt: unknown }).receipt });
  const sql = 'SELECT is_deleted FROM conversation_files WHERE file_id = ?';
  expect(rows(fleet.dataDir, sql, fileId)).toEqual([{ is_deleted: 0 }]);
});

test('the same operation id with another intent is a CONFLICT and changes nothing', async () => {
  const operationId = makeOperationId();
  const [first, other] = await Promise.all([fleet.startVm('vm2'), fleet.startVm('vm4')]);
  const receipt = await first.client.store(request(operationId));
  await first.end();
  const second = await fleet.startVm('vm2');
  const conflict = { code: 'REFUSED', refusal: 'CONFLICT' };
  const asked = [
    second.client.store({ ...request(operationId), filename: 'twice.txt' }),
    other.client.store(request(operationId)),
  ];
  await Promise.all(asked.map((call) => expect(call).rejects.toMatchObject(conflict)));
  expect(await (await fleet.startVm('vm2')).client.store(request(operationId))).toEqual(receipt);
  const sql = 'SELECT original_filename, vm FROM conversation_files WHERE file_id = ?';
  expect(rows(fleet.dataDir, sql, operationId)).toEqual([{ original_filename: 'once.txt', vm: 'vm2' }]);
});
