// A spool folder and those who hold it, one after the other and beside each other; and what a disk may do to it.

import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { until } from '../../../../tests/support/deadline.ts';
import { useSpooling } from '../../../../tests/support/spooling.ts';

const spooling = useSpooling();
const { open, write, enqueue, filesIn, isEmpty } = spooling;

describe('a folder', () => {
  test('belongs to one live client', async () => {
    const client = await open();
    await expect(open()).rejects.toMatchObject({ code: 'SPOOL_IN_USE' });
    await client.close();
    await (await open()).close();
  });

  test('belongs to one VM', async () => {
    await (await open()).close();
    await expect(open({}, { vm: 'vm4' })).rejects.toMatchObject({ code: 'INVALID', field: 'spool' });
  });

  test('goes on with the same producer, and never gives a number twice', async () => {
    const { arrivals, until: reached } = await write();
    const order = () =>
      arrivals.map(({ operation }) => operation.payload as { producer: string; sequence: number });
    for (const n of [1, 2, 3]) {
      const client = await open();
      await enqueue(client, n);
      await reached(() => arrivals.length === n);
      await until(() => isEmpty(client), 'the spool to be empty');
      await client.close();
    }
    expect(new Set(order().map(({ producer }) => producer)).size).toBe(1);
    const sequences = order().map(({ sequence }) => sequence);
    expect(sequences).toEqual([...new Set(sequences)].toSorted((a, b) => a - b));
  });

  test('that was closed with operations in it hands them over before new ones', async () => {
    await spooling.loseRedis();
    const before = await open();
    const accepted = [await enqueue(before, 1), await enqueue(before, 2, randomBytes(600_000))];
    await before.close();
    await spooling.bringRedis();
    const { effects, until: reached } = await write();
    const after = await open();
    accepted.push(await enqueue(after, 3));
    await reached(() => effects.length === 3);
    expect(effects).toEqual(accepted.map(({ operationId }) => operationId));
  });

  test('with damage starts all the same: torn batches go, damaged ones are put aside', async () => {
    await spooling.loseRedis();
    const before = await open();
    const kept = await enqueue(before, 1);
    await before.close();
    const [name = ''] = await filesIn('entries');
    const at = (other: string) => join(spooling.folder, 'entries', other);
    await writeFile(at('000000000077.batch'), 'filefleet-spool 1 ');
    await writeFile(at('000000000078.batch'), `filefleet-spool 1 000000000003 ${'0'.repeat(64)}\n[]\n`);
    await writeFile(at('0-1.content'), 'nobody wants it');
    await spooling.bringRedis();
    const { effects, until: reached } = await write();
    const after = await open();
    expect(after.spoolStatus()).toMatchObject({ entries: 1, refused: { entries: 1 } });
    await reached(() => effects.length === 1);
    expect(effects).toEqual([kept.operationId]);
    expect(name).toMatch(/^\d{12}\.batch$/);
    await until(() => isEmpty(after), 'the spool to be empty');
  });

  test('content that the disk changed is not stored, and does not block what follows', async () => {
    await spooling.loseRedis();
    const before = await open();
    const spoilt = await enqueue(before, 1, randomBytes(600_000));
    const good = await enqueue(before, 2);
    await before.close();
    const file = (await filesIn('entries')).find((name) => name.endsWith('.content')) ?? '';
    await writeFile(join(spooling.folder, 'entries', file), randomBytes(600_000));
    await spooling.bringRedis();
    const { effects, until: reached } = await write();
    const after = await open();
    await reached(() => effects.includes(good.operationId));
    await expect(after.receipt(spoilt.operationId)).rejects.toMatchObject({ code: 'SOURCE_FAILED' });
    expect(effects).toEqual([good.operationId]);
    await until(() => after.spoolStatus()?.refused.entries === 1, 'the damaged one to be put aside');
  });
});

test('a refusal that was interrupted is finished by the next client', async () => {
  await write();
  const probe = (at: string) => {
    if (at === 'spool.refused') throw new Error('interrupted');
  };
  const before = await open({ probe });
  const { operationId } = await enqueue(before, 1);
  await before.receipt(operationId);
  const request = { sessionId: 'session-1', filename: 'other', content: 'other', operationId };
  await expect(before.store(request)).rejects.toMatchObject({ refusal: 'CONFLICT' });
  await before.close();
  expect(await filesIn('entries')).toHaveLength(1);
  const after = await open();
  await until(() => isEmpty(after), 'the spool to be empty');
  expect(after.spoolStatus()?.refused.entries).toBe(1);
});

describe('a shared folder', () => {
  const shared = { shared: true };

  test('gives each client a sub-folder; free ones are used again', async () => {
    const one = await open(shared);
    const other = await open(shared);
    expect(one.spoolStatus()?.folder).not.toBe(other.spoolStatus()?.folder);
    await one.close();
    const next = await open(shared);
    expect(next.spoolStatus()?.folder).toBe(one.spoolStatus()?.folder);
  });

  test('what others left is handed over under their producer ids, before new work of the same session', async () => {
    await spooling.loseRedis();
    const left = await Promise.all([open(shared), open(shared), open(shared)]);
    const old = await Promise.all(left.map((client, n) => enqueue(client, n)));
    for (const client of left) await client.close();
    const client = await open(shared);
    expect(client.spoolStatus()).toMatchObject({ entries: 1, adopted: { folders: 2, entries: 2 } });
    const fresh = await enqueue(client, 9);
    await spooling.bringRedis();
    const { effects, arrivals, until: reached } = await write();
    await reached(() => effects.length === 4);
    expect(effects.at(-1)).toBe(fresh.operationId);
    expect(new Set(effects)).toEqual(new Set([...old, fresh].map(({ operationId }) => operationId)));
    const producers = arrivals.map(({ operation }) => operation.payload.producer);
    expect(new Set(producers).size).toBe(3);
    await until(() => client.spoolStatus()?.adopted.folders === 0, 'the others to be let go');
  });
});
