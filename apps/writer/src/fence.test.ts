import { beforeEach, describe, expect, test } from 'vitest';
import { useRedis } from '../../../tests/support/redis-of-file.ts';
import { asFenced, type Claim, Fence, FencedError, OtherStoreError } from './fence.ts';

const server = useRedis();

const [ours, theirs] = ['0b51b3c2-4d51-4b0a-8f3e-9d0f5a1c2e77', '7e6c1a90-22b7-4e5d-a3c1-4f8b6d2e9a15'];
const makeFence = (epoch: number, claim: Partial<Claim> = {}) =>
  new Fence(server.redis, '{f}:epoch', epoch, { storeId: ours, ...claim });
const ownerOf = () => server.redis.get('{f}:epoch:store');

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
    await expect(refused).rejects.toThrow('expected epoch 1 in Redis to be ours, got that of another writer');
    await expect(refused).rejects.toMatchObject({ exitCode: 75 });
    expect(await server.redis.get('{f}:a')).toBe('winner');
    await winner.run([]);
    await server.redis.flushall();
  }
});

describe('another store', () => {
  test.each([1, 7, 70])(
    'is refused with epoch %i where Redis has seen 7, and changes nothing',
    async (epoch) => {
      await makeFence(7).run([['SET', '{f}:a', 'x']]);
      const before = await server.redis.mget('{f}:epoch', '{f}:epoch:tenure', '{f}:epoch:store', '{f}:a');
      const refused = makeFence(epoch, { storeId: theirs }).run([['SET', '{f}:a', 'y']]);
      await expect(refused).rejects.toThrow(OtherStoreError);
      await expect(refused).rejects.toMatchObject({ code: 'REDIS_OF_ANOTHER_STORE', exitCode: 78 });
      await expect(refused).rejects.toThrow(
        `expected this Redis to belong to our store ${theirs}, got ${ours} as its store; give each store a Redis or a FILEFLEET_SHARD`,
      );
      await expect(refused).rejects.toThrow(`start with FILEFLEET_REPLACES_STORE=${ours}`);
      expect(await server.redis.mget('{f}:epoch', '{f}:epoch:tenure', '{f}:epoch:store', '{f}:a')).toEqual(
        before,
      );
    },
  );

  test('is refused by a Redis that an older version left, once our writer was there', async () => {
    await server.redis.mset('{f}:epoch', 7, '{f}:epoch:tenure', 'old');
    await makeFence(8).run([]);
    expect(await ownerOf()).toBe(ours);
    await expect(makeFence(70, { storeId: theirs }).run([])).rejects.toThrow(OtherStoreError);
  });

  test('and an emptied Redis belongs to whose writer comes first', async () => {
    const running = makeFence(7);
    await running.run([]);
    await server.redis.flushall();
    await makeFence(1, { storeId: theirs }).run([]);
    await expect(running.run([])).rejects.toThrow(OtherStoreError);
  });

  test.each([
    ['a text that is no id', () => server.redis.set('{f}:epoch:store', 'x y\r\n')],
    ['another type', () => server.redis.lpush('{f}:epoch:store', 'x')],
  ])('is not believed in when the key holds %s', async (_what, spoil) => {
    await spoil();
    await makeFence(1).run([]);
    expect(await ownerOf()).toBe(ours);
  });
});

describe('a store that replaces another', () => {
  const successor = (replaces = ours) =>
    makeFence(2, { storeId: theirs, replaces, replacedKeys: ['{f}:known', '{f}:audit'] });

  test('takes its place below its epoch, and what only that one could make sense of goes', async () => {
    const running = makeFence(70);
    await running.run([['MSET', '{f}:known', 'x', '{f}:audit', 'x', '{f}:a', 'x']]);
    const fence = successor();
    await fence.run([['SET', '{f}:b', 'x']]);
    expect(await server.redis.mget('{f}:epoch', '{f}:a', '{f}:b', '{f}:known', '{f}:audit')).toEqual([
      ...['2', 'x', 'x', null, null],
    ]);
    await expect(running.run([])).rejects.toThrow(OtherStoreError);
    await server.redis.set('{f}:audit', 'its own');
    await fence.run([]);
    await makeFence(3, { storeId: theirs, replaces: ours, replacedKeys: ['{f}:audit'] }).run([]);
    expect(await server.redis.get('{f}:audit')).toBe('its own');
  });

  test('takes no place but that of the store that was named', async () => {
    await makeFence(1).run([]);
    await expect(successor('00000000-0000-4000-a000-000000000000').run([])).rejects.toThrow(OtherStoreError);
  });

  test('and came back later is fenced by its own epochs, though the variable still names it', async () => {
    await makeFence(7).run([]);
    await expect(makeFence(6, { replaces: ours }).run([])).rejects.toThrow('to be the highest, got 7');
  });

  test('takes it once: while it runs it gives way to whoever replaces it', async () => {
    const running = successor();
    await running.run([]);
    await makeFence(1, { replaces: theirs }).run([]);
    await expect(running.run([])).rejects.toThrow(OtherStoreError);
    expect(await ownerOf()).toBe(ours);
  });
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
