import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startRedis, type TestRedis } from '../../../tests/support/redis.ts';
import { systemClock } from './clock.ts';
import { RedisLink } from './redis-link.ts';

let server: TestRedis;
let link: RedisLink;

beforeEach(async () => {
  server = await startRedis();
  link = new RedisLink({ url: server.url, clock: systemClock, purpose: 'commands' });
  await link.connect(5_000);
});
afterEach(async () => {
  link.close();
  await server.stop();
});

test('what is in flight when the connection breaks fails then, not at its timeout', async () => {
  const inFlight = link.redis.blpop('nothing', 0);
  const other = new Redis(server.url);
  const before = performance.now();
  const failed = expect(inFlight).rejects.toThrow();
  await vi.waitFor(async () => expect(await other.call('CLIENT', 'LIST')).toContain('cmd=blpop'));
  await other.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  other.disconnect();
  await failed;
  expect(performance.now() - before).toBeLessThan(3_000);
});

test('commands sent while there is no connection fail at once', async () => {
  await server.stop();
  await link.redis.ping().catch(() => {});
  await expect(link.redis.ping()).rejects.toThrow();
});

test('a command that is persisted with is done once Redis is back', async () => {
  const { port } = server;
  await server.stop();
  const done = link.persist(new AbortController().signal, (redis) => redis.set('key', 'value'));
  server = await startRedis({ port });
  expect(await done).toBe('OK');
});

test('who waits for Redis stops when told to', async () => {
  await server.stop();
  await link.redis.ping().catch(() => {});
  const patience = new AbortController();
  const waiting = link.persist(patience.signal, (redis) => redis.ping());
  patience.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
});
