import { expect, test } from 'vitest';
import { useRedis } from '../../../tests/support/redis-of-file.ts';
import { FencedError } from './fence.ts';
import { listActiveJobs, reclaimActiveJobs } from './reclaim.ts';

const queue = '{f}:operations';
const fence = { epochKey: '{f}:epoch', epoch: 3 };
const server = useRedis();

/** As BullMQ does it: added at the left of wait, taken from its right to the left of active. */
async function queueUp(jobs: { active: readonly string[]; waiting: readonly string[] }): Promise<void> {
  for (const id of jobs.active) {
    await server.redis.lpush(`${queue}:active`, id);
    await server.redis.set(`${queue}:${id}:lock`, 'token of the predecessor');
    await server.redis.sadd(`${queue}:stalled`, id);
  }
  for (const id of jobs.waiting) await server.redis.lpush(`${queue}:wait`, id);
}

/** In the order in which a worker would take them. */
const order = async () => (await server.redis.lrange(`${queue}:wait`, 0, -1)).reverse();

test('active jobs are taken again before those that wait, the oldest first', async () => {
  await queueUp({ active: ['1', '2', '3'], waiting: ['4', '5'] });
  expect(await reclaimActiveJobs(server.redis, queue, fence)).toEqual(['3', '2', '1']);
  expect(await order()).toEqual(['1', '2', '3', '4', '5']);
});

test('locks, marks of stalling and the active list are gone, and a worker that sleeps is woken', async () => {
  await queueUp({ active: ['1', '2'], waiting: [] });
  await reclaimActiveJobs(server.redis, queue, fence);
  expect((await server.redis.keys('*')).sort()).toEqual([`${queue}:marker`, `${queue}:wait`]);
  expect(await server.redis.zrange(`${queue}:marker`, '0', '-1')).toEqual(['0']);
});

test('with nothing active nothing happens, twice', async () => {
  await queueUp({ active: [], waiting: ['1'] });
  for (const _ of [1, 2]) expect(await reclaimActiveJobs(server.redis, queue, fence)).toEqual([]);
  expect(await order()).toEqual(['1']);
  expect(await server.redis.exists(`${queue}:marker`)).toBe(0);
});

test('behind a higher epoch nothing is moved', async () => {
  await queueUp({ active: ['1'], waiting: [] });
  await server.redis.set(fence.epochKey, 4);
  await expect(reclaimActiveJobs(server.redis, queue, fence)).rejects.toThrow(FencedError);
  expect(await listActiveJobs(server.redis, queue)).toEqual(['1']);
  expect(await server.redis.exists(`${queue}:1:lock`)).toBe(1);
});

test.each(['active', 'wait'])('a key %s of another type is not touched, nor is the other', async (part) => {
  const other = part === 'active' ? 'wait' : 'active';
  await server.redis.set(`${queue}:${part}`, 'not a list');
  await server.redis.lpush(`${queue}:${other}`, '1');
  expect(await reclaimActiveJobs(server.redis, queue, fence)).toEqual([]);
  expect(await server.redis.get(`${queue}:${part}`)).toBe('not a list');
  expect(await server.redis.lrange(`${queue}:${other}`, 0, -1)).toEqual(['1']);
});

test('the list of active jobs is empty when the key is none', async () => {
  expect(await listActiveJobs(server.redis, queue)).toEqual([]);
  await server.redis.set(`${queue}:active`, 'x');
  expect(await listActiveJobs(server.redis, queue)).toEqual([]);
});

test('at maxmemory jobs are taken back all the same', async () => {
  await queueUp({ active: ['1', '2'], waiting: ['3'] });
  await server.redis.set('{f}:chunk', 'x'.repeat(1_000_000));
  await server.redis.config('SET', 'maxmemory', '1mb');
  try {
    await reclaimActiveJobs(server.redis, queue, fence);
  } finally {
    await server.redis.config('SET', 'maxmemory', '0');
  }
  expect(await order()).toEqual(['1', '2', '3']);
});
