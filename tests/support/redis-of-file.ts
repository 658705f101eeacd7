// One Redis for all tests of a file, empty before each of them, and a connection to it.

import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { startRedis, type TestRedis } from './redis.ts';

export interface RedisOfFile {
  readonly url: string;
  /** Connected. */
  readonly redis: Redis;
}

/** Call it once at the top of a test file. */
export function useRedis(): RedisOfFile {
  let server: TestRedis;
  let redis: Redis;
  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.url);
  });
  beforeEach(async () => {
    await redis.flushall();
  });
  afterAll(async () => {
    redis?.disconnect();
    await server?.stop();
  });
  return {
    get url() {
      return server.url;
    },
    get redis() {
      return redis;
    },
  };
}
