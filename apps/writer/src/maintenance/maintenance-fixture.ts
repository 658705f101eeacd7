// A maintenance over a real store and a real Redis, with clocks of the test's own. For tests.

import { loadConfig } from '@filefleet/config';
import { redisKeys } from '@filefleet/protocol';
import { ContentDesk, type SliceRequest } from '@filefleet/store';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished } from 'vitest';
import { startRedis, type TestRedis } from '../../../../tests/support/redis.ts';
import { startMs, useWriterSession } from '../../../../tests/support/writer-session.ts';
import type { WriterEvent } from '../events.ts';
import { Fence } from '../fence.ts';
import { Maintenance } from './maintenance.ts';

const keys = redisKeys();

/** Call it once in a test file: every test gets an empty store and an empty Redis. */
export function useMaintenance() {
  let server: TestRedis;
  let redis: Redis;
  const store = useWriterSession();

  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    redis = new Redis(server.url);
    await redis.flushall();
    return () => redis.disconnect();
  });

  /** Redis runs on the time of the test: its own clock is none of this file's business. */
  function withTime(now: () => number): Redis {
    return new Proxy(redis, {
      get: (target, name) => {
        if (name === 'time') return async () => [Math.floor(now() / 1_000), 0];
        const value = Reflect.get(target, name) as unknown;
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  function maintain(env: Record<string, string> = {}, ticksOffMs = startMs - 1_000) {
    const { session, dataDir, clock } = store;
    const config = loadConfig({ FILEFLEET_DATA_DIR: dataDir, FILEFLEET_REDIS_URL: server.url, ...env });
    const desk = new ContentDesk(dataDir, session.epoch);
    const events: WriterEvent[] = [];
    const fatal: unknown[] = [];
    const requests: SliceRequest[] = [];
    const ticks = { offMs: ticksOffMs, bootId: 'boot', nowMs: () => clock.now - ticks.offMs };
    const redisTime = { offMs: 0 };
    const maintenance = new Maintenance({
      config,
      line: {
        maintain: async (request) => {
          requests.push(request);
          return session.maintain(request);
        },
        prune: async () => session.prune(),
        backupTo: (path) => session.backupTo(path),
      },
      desk,
      redis: withTime(() => clock.now + redisTime.offMs),
      fence: new Fence(redis, keys.epoch, session.epoch),
      emit: (event, facts) => void events.push({ event, facts } as WriterEvent),
      clock,
      ticks,
      probe: undefined,
      isBusy: () => false,
      onFatal: (error) => void fatal.push(error),
    });
    onTestFinished(async () => {
      await maintenance.stop();
      maintenance.close();
      desk.close();
      expect(fatal).toEqual([]);
    });
    const told = (name: string) => events.filter(({ event }) => event === name).map(({ facts }) => facts);
    const settle = (name: string) => {
      const facts = {
        operationId: '',
        name,
        vm: 'vm0',
        outcome: 'applied',
        repeated: false,
        tookMs: 0,
      } as const;
      maintenance.subscriber({ event: 'operation.settled', facts });
    };
    return { maintenance, desk, told, settle, requests, ticks, redisTime };
  }

  return {
    store,
    maintain,
    get redis() {
      return redis;
    },
  };
}
