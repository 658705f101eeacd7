// What a client with a spool promises, on a real disk and with a real Redis: accepted means on the disk, and what was
// accepted is handed over once and in order, whatever was away.

import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { until } from '../../../../tests/support/deadline.ts';
import { spooledSession as sessionId, useSpooling } from '../../../../tests/support/spooling.ts';

const spooling = useSpooling();
const { open, write, enqueue, filesIn, isEmpty } = spooling;

describe('accepted', () => {
  test('while Redis is away, and handed over in order when it is there', async () => {
    await spooling.loseRedis();
    const client = await open();
    const accepted = await Promise.all(Array.from({ length: 20 }, (_, n) => enqueue(client, n)));
    expect(new Set(accepted.map(({ acceptedBy }) => acceptedBy))).toEqual(new Set(['spool']));
    expect(client.spoolStatus()).toMatchObject({
      entries: 20,
      states: { spooling: 0, waiting: 20, handed: 0 },
    });
    await spooling.bringRedis();
    const { effects, until: reached } = await write();
    await reached(() => effects.length === 20);
    expect(effects).toEqual(accepted.map(({ operationId }) => operationId));
    await until(() => isEmpty(client), 'the spool to be empty');
    expect(client.spoolStatus()).toMatchObject({ entries: 0, bytes: 0 });
  });

  test('store() says at its deadline that the operation is spooled, and goes on with it', async () => {
    await spooling.loseRedis();
    const client = await open();
    const late = client.store({ sessionId, filename: 'late', content: 'late', deadlineMs: 100 });
    const error = await late.catch((caught) => caught);
    expect(error).toMatchObject({ code: 'NOT_YET_DURABLE', spooled: true });
    await spooling.bringRedis();
    await write();
    expect(await client.receipt(error.operationId)).toMatchObject({ outcome: 'applied' });
  });

  test('hundreds at once share their fsyncs', async () => {
    let batches = 0;
    await spooling.loseRedis();
    const client = await open({
      probe: (step) => {
        if (step === 'spool.batch-synced') batches++;
      },
    });
    await Promise.all(Array.from({ length: 300 }, (_, n) => enqueue(client, n)));
    expect(batches).toBeLessThan(10);
  });

  test('a stream of unknown length is on the disk, and is read again when Redis loses it', async () => {
    const bytes = randomBytes(700_000);
    const first = await write();
    first.script = () => ({ resend: 'STAGE_MISSING' });
    const client = await open();
    const { operationId } = await enqueue(
      client,
      1,
      Readable.from([bytes.subarray(0, 9), bytes.subarray(9)]),
    );
    await until(() => client.spoolStatus()?.states.handed === 1, 'the job to be in Redis');
    await spooling.loseRedis();
    await spooling.bringRedis(); // empty
    const { contents } = await write();
    await client.receipt(operationId);
    expect(contents.get(operationId)?.equals(bytes)).toBe(true);
    await until(() => isEmpty(client), 'the spool to be empty');
  });

  test('operations without content and without a session are spooled too', async () => {
    await spooling.loseRedis();
    const client = await open();
    const stored = enqueue(client, 1);
    const renamed = stored.then(({ operationId }) =>
      client.rename({ sessionId, fileId: operationId, filename: 'other' }),
    );
    const initialized = client.initialize();
    await until(() => client.spoolStatus()?.states.waiting === 3, 'three to be accepted');
    await spooling.bringRedis();
    await write();
    expect((await Promise.all([renamed, initialized])).map(({ outcome }) => outcome)).toEqual([
      'applied',
      'applied',
    ]);
  });
});

describe('not accepted', () => {
  test('a full spool is SPOOL_FULL, at once, and takes new ones when it has emptied', async () => {
    await spooling.loseRedis();
    const client = await open({ maxBytes: 10_000 });
    await enqueue(client, 1, 'x'.repeat(8_000));
    await expect(enqueue(client, 2, 'x'.repeat(8_000))).rejects.toMatchObject({ code: 'SPOOL_FULL' });
    await expect(enqueue(client, 3, Readable.from(['x'.repeat(8_000)]))).rejects.toMatchObject({
      code: 'SPOOL_FULL',
    });
    expect(client.spoolStatus()?.entries).toBe(1);
    await spooling.bringRedis();
    const { effects, until: reached } = await write();
    await until(() => isEmpty(client), 'the spool to be empty');
    const { operationId } = await enqueue(client, 4, 'x'.repeat(8_000));
    await reached(() => effects.includes(operationId));
    expect(effects).toHaveLength(2);
  });

  test.each(['batch-written', 'content-begun', 'batch-made'])(
    'a full disk at %s is SPOOL_FULL, leaves nothing, and life goes on',
    async (step) => {
      let isFull = true;
      const probe = (at: string) => {
        if (isFull && at === `spool.${step}`) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
      };
      const { effects, until: reached } = await write();
      const client = await open({ probe });
      const large = randomBytes(600_000);
      await expect(enqueue(client, 1, large)).rejects.toMatchObject({ code: 'SPOOL_FULL' });
      expect(await filesIn('entries')).toEqual([]);
      expect(client.spoolStatus()).toMatchObject({ entries: 0, bytes: 0 });
      isFull = false;
      const { operationId } = await enqueue(client, 2, large);
      await reached(() => effects.length === 1);
      expect(effects).toEqual([operationId]);
    },
  );

  test('a disk that fails is SPOOL_FAILED', async () => {
    const probe = (at: string) => {
      if (at === 'spool.batch-written') throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
    };
    const client = await open({ probe });
    await expect(enqueue(client, 1)).rejects.toMatchObject({ code: 'SPOOL_FAILED' });
  });

  test('a source that fails or never ends leaves nothing', async () => {
    const client = await open();
    const broken = Readable.from(
      (async function* () {
        yield randomBytes(600_000);
        throw new Error('broken');
      })(),
    );
    await expect(enqueue(client, 1, broken)).rejects.toMatchObject({ code: 'SOURCE_FAILED' });
    const endless = client.store({
      sessionId,
      filename: 'endless',
      content: new Readable({ read() {} }),
      deadlineMs: 50,
    });
    await expect(endless).rejects.toMatchObject({ code: 'SOURCE_FAILED' });
    await until(() => isEmpty(client), 'the spool to be empty');
  });

  test('what the writer refuses moves to refused/, bytes included', async () => {
    await write();
    const client = await open();
    const { operationId } = await enqueue(client, 1, 'first');
    await client.receipt(operationId);
    const again = client.store({ sessionId, filename: 'other', content: 'second', operationId });
    await expect(again).rejects.toMatchObject({ code: 'REFUSED', refusal: 'CONFLICT' });
    await until(() => client.spoolStatus()?.refused.entries === 1, 'a refused operation');
    await until(() => isEmpty(client), 'the spool to be empty');
    expect((await filesIn('refused')).sort()).toEqual([`${operationId}.content`, `${operationId}.json`]);
  });
});
