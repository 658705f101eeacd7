import { limits, makeOperationId, redisKeys, stagedTtlMs } from '@filefleet/protocol';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { until } from '../../../tests/support/deadline.ts';
import { startRedis, type TestRedis } from '../../../tests/support/redis.ts';
import { prepareStaging, stagedKeys, stagingFiguresOf } from '../../../tests/support/staging-library.ts';
import { systemClock } from './clock.ts';
import { Gate } from './gate.ts';
import { RedisLink } from './redis-link.ts';
import { Reservations } from './reservations.ts';
import type { Source } from './source.ts';
import { Stage } from './stage.ts';

let server: TestRedis;
let link: RedisLink;
let redis: Redis;
const keys = redisKeys();
const { signal } = new AbortController();

beforeAll(async () => {
  server = await startRedis();
  link = new RedisLink({ url: server.url, clock: systemClock, purpose: 'commands' });
  await link.connect(5_000);
  redis = new Redis(server.url);
  await prepareStaging(redis);
});
beforeEach(async () => {
  await redis.flushall();
});
afterAll(async () => {
  link.close();
  redis.disconnect();
  await server.stop();
});

/** A source that gives other content each time it is read. */
function changing(contents: Uint8Array[]): Source {
  return {
    rereadable: true,
    size: undefined,
    async *chunks() {
      const content = contents.shift() ?? Buffer.alloc(0);
      for (let at = 0; at < content.length; at += limits.chunkBytes) {
        yield content.subarray(at, at + limits.chunkBytes);
      }
    },
  };
}

function stageOf(source: Source, clock = systemClock) {
  const operationId = makeOperationId();
  const reservations = new Reservations({ link, keys, vm: 'vm5', clock });
  onTestFinished(() => reservations.close());
  const place = { link, keys, clock, reservations, bytesUnderWay: new Gate(limits.chunkBytes * 2) };
  const stage = new Stage(place, operationId, source);
  return { stage, key: (n: number) => keys.staged('vm5', operationId, n), operationId };
}

test('a shorter second attempt leaves nothing of a longer first one', async () => {
  const long = Buffer.alloc(3 * limits.chunkBytes, 1);
  const short = Buffer.alloc(10, 2);
  const { stage, key } = stageOf(changing([long, short]));
  await stage.upload(signal);
  expect(stage.staged?.chunks).toBe(3);
  await stage.upload(signal);
  expect(stage.staged).toMatchObject({ chunks: 1, size: 10 });
  expect(await redis.getBuffer(key(0))).toEqual(short);
  expect(await redis.exists(key(1), key(2))).toBe(0);
  await stage.remove();
  expect(await stagedKeys(redis)).toEqual([]);
  expect(await stagingFiguresOf(redis)).toMatchObject({ bytes: 0, operations: 0, orphanedOperations: 0 });
});

test('a chunk that vanished is noticed when the TTL is raised', async () => {
  const content = Buffer.alloc(2 * limits.chunkBytes, 1);
  const { stage, key } = stageOf(changing([content]));
  await stage.upload(signal);
  expect(await stage.keep(signal)).toBe(true);
  await redis.del(key(1));
  expect(await stage.keep(signal)).toBe(false);
});

test('chunks of a slow source are kept alive while it goes on', async () => {
  const timers: (() => void)[] = [];
  const schedule = (_ms: number, run: () => void) => {
    timers.push(run);
    return () => {};
  };
  const clock = { ...systemClock, schedule };
  const ttls: number[] = [];
  const slow: Source = {
    rereadable: false,
    size: undefined,
    async *chunks() {
      for (let n = 0; n < 8; n++) {
        yield Buffer.alloc(limits.chunkBytes, n);
        if (n < 5) continue;
        await redis.pexpire(key(0), 1_000); // as if the time had passed
        for (const run of timers.splice(0)) run();
        await until(async () => (await redis.pttl(key(0))) > 1_000, 'the renewal');
        ttls.push(await redis.pttl(key(0)));
      }
    },
  };
  const { stage, key } = stageOf(slow, clock);
  await stage.upload(signal);
  expect(Math.min(...ttls)).toBeGreaterThan(stagedTtlMs.uploading / 2);
});

test('what is aborted stops at once, with the reason', async () => {
  const patience = new AbortController();
  const endless: Source = {
    rereadable: false,
    size: undefined,
    async *chunks() {
      for (let n = 0; ; n++) {
        if (n === 3) patience.abort(new Error('enough'));
        yield Buffer.alloc(limits.chunkBytes);
      }
    },
  };
  await expect(stageOf(endless).stage.upload(patience.signal)).rejects.toThrow('enough');
});
