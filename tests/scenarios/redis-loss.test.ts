// Redis forgets everything in the middle of stores. Nobody does anything about it: every store settles by itself.

import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { within } from '../support/deadline.ts';
import { type Fleet, useFleet } from '../support/fleet.ts';
import { expectEachOnce, produce } from '../support/producing.ts';

const fleet = useFleet();

const losses: Record<string, (fleet: Fleet) => Promise<void>> = {
  'Redis flushed': async ({ redis: { url } }) => {
    const redis = new Redis(url);
    await redis.flushall();
    redis.disconnect();
  },
  'Redis killed and started empty': ({ replaceRedis }) => replaceRedis(),
};

test.each(Object.entries(losses))(
  '%s in the middle of stores: every store settles by itself, each file once, in order',
  async (_what, lose) => {
    const writer = fleet.startWriter();
    const vms = await fleet.startVms('vm2', 'vm4');
    await writer.ready;
    const files = 600; // many groups: they cannot all be settled when Redis is lost
    const some = Promise.withResolvers<void>();
    let receipts = 0;
    const onReceipt = () => {
      receipts += 1;
      if (receipts === 60) some.resolve();
    };
    const produced = vms.flatMap((vm) => produce(vm, { files, sessions: ['a', 'b', 'c'], onReceipt }));
    await some.promise;
    await lose(fleet);
    expect(receipts).toBeLessThan(vms.length * files);
    await expectEachOnce(fleet.dataDir, produced);
    expect(writer.isRunning).toBe(true);
  },
);

test('a Redis that may evict keys is refused with 78', async () => {
  const redis = new Redis(fleet.redis.url);
  await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
  redis.disconnect();
  const writer = fleet.startWriter();
  expect(await within(writer.exited, 'the writer to refuse')).toEqual({ code: 78, signal: null });
  const failed = await writer.waitForEvent('writer.failed');
  expect(failed).toMatchObject({ code: 'REDIS_EVICTS', exitCode: 78 });
  expect(failed.message).toMatch(/maxmemory-policy.*noeviction.*allkeys-lru/);
});
