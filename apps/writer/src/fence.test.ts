import { beforeEach, describe, expect, test } from 'vitest';
import { useRedis } from '../../../tests/support/redis-of-file.ts';
import { asFenced, Fence, FencedError } from './fence.ts';

const server = useRedis();

const makeFence = (epoch: number) => new Fence(server.redis, '{f}:epoch', epoch);

test('what runs behind the fence raises it', async () => {
  await expect(makeFence(3).run([['SET', '{f}:a', 'x']])).resolves.toEqual([]);
  expect(await server.redis.mget('{f}:epoch', '{f}:a')).toEqual(['3', 'x']);
});

test('a lower epoch is refused as a whole, and the error names both', async () => {
  await makeFence(5).run([]);
  const refused = makeFence(4).run([['SET', '{f}:a', 'x']]);
  await expect(refused).rejects.toThrow(FencedError);
  await expect(refused).rejects.toThrow('expected our epoch 4 to be the highest, got 5');
  expect(await server.redis.mget('{f}:epoch', '{f}:a')).toEqual(['5', null]);
});

test('the same epoch of another tenure is refused, also when both come to an empty Redis', async () => {
  const [first, other] = [makeFence(1), makeFence(1)];
  for (const winner of [first, other]) {
    await winner.run([['SET', '{f}:a', 'winner']]);
    const refused = (winner === first ? other : first).run([['SET', '{f}:a', 'loser']]);
    await expect(refused).rejects.toThrow(FencedError);
    await expect(refused).rejects.toThrow('expected epoch 1 in Redis to be ours, got that of another store');
    expect(await server.redis.get('{f}:a')).toBe('winner');
    await winner.run([]);
    await server.redis.flushall();
  }
});

test('a command that fails is reported and keeps no other from going through', async () => {
  await server.redis.set('{f}:text', 'x');
  const errors = await makeFence(1).run([
    ['LPUSH', '{f}:text', 'y'],
    ['NOSUCHCOMMAND', '{f}:text'],
    ['SET', '{f}:a', 'x'],
  ]);
  expect(errors).toHaveLength(2);
  expect(errors[0]).toContain('WRONGTYPE');
  expect(await server.redis.get('{f}:a')).toBe('x');
});

test('numbers and any text arrive as they are', async () => {
  const text = 'quote " backslash \\ line\n nul \0 snowman ☃ emoji 😀';
  await makeFence(1).run([
    ['SET', '{f}:text', text],
    ['SET', '{f}:number', 20_000],
  ]);
  expect(await server.redis.mget('{f}:text', '{f}:number')).toEqual([text, '20000']);
});

test('a flushed script cache heals itself', async () => {
  const fence = makeFence(1);
  await fence.run([['SET', '{f}:a', '1']]);
  await server.redis.script('FLUSH');
  await expect(fence.run([['SET', '{f}:a', '2']])).resolves.toEqual([]);
  expect(await server.redis.get('{f}:a')).toBe('2');
});

test('after FLUSHALL the fence stands again with the next command', async () => {
  const fence = makeFence(7);
  await fence.run([]);
  await server.redis.flushall();
  await fence.run([]);
  expect(await server.redis.get('{f}:epoch')).toBe('7');
});

test.each([
  ['no number', () => server.redis.set('{f}:epoch', 'x')],
  ['another type', () => server.redis.lpush('{f}:epoch', 'x')],
])('an epoch that is %s is replaced', async (_what, spoil) => {
  await spoil();
  await expect(makeFence(2).run([['SET', '{f}:a', 'x']])).resolves.toEqual([]);
  expect(await server.redis.mget('{f}:epoch', '{f}:a')).toEqual(['2', 'x']);
});

describe('at maxmemory', () => {
  beforeEach(async () => {
    await server.redis.set('{f}:chunk', 'x'.repeat(1_000_000));
    await server.redis.config('SET', 'maxmemory', '1mb');
    return async () => void (await server.redis.config('SET', 'maxmemory', '0'));
  });

  test('answers and heartbeats of the writer go through, where others are refused', async () => {
    await expect(server.redis.set('{f}:a', 'x')).rejects.toThrow('OOM');
    const commands = [
      ['SET', '{f}:a', 'x'],
      ['UNLINK', '{f}:chunk'],
    ] as const;
    await expect(makeFence(1).run(commands)).resolves.toEqual([]);
    expect(await server.redis.mget('{f}:epoch', '{f}:a', '{f}:chunk')).toEqual(['1', 'x', null]);
  });
});

test('another error is left as it is', () => {
  const error = new Error('LOADING');
  expect(asFenced(error, 1)).toBe(error);
});
